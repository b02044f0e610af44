import { execFileSync } from "node:child_process";
import { describe, expect, it, vi } from "vitest";
import { chooseInterpreter, describeInterpreter, expandPath } from "../src/pure/interpreters";
import { PROBE_SCRIPT, readProbe } from "../src/pure/probe";

const offers = (path: string | undefined) => () => Promise.resolve(path);
const fails = () => Promise.reject(new Error("extension broken"));

describe("the interpreter", () => {
  it("is the setting, without asking anybody", async () => {
    const asked = vi.fn(offers("/env/python"));
    const chosen = await chooseInterpreter({
      setting: "/mine/python",
      pythonEnvs: asked,
      msPython: asked,
      platform: "linux",
    });
    expect(chosen).toEqual({ path: "/mine/python", source: "setting" });
    expect(asked).not.toHaveBeenCalled();
  });

  it("is the environments extension's choice before the Python extension's", async () => {
    const chosen = await chooseInterpreter({
      setting: "",
      pythonEnvs: offers("/a"),
      msPython: offers("/b"),
      platform: "linux",
    });
    expect(chosen).toEqual({ path: "/a", source: "python-envs" });
  });

  it("is the Python extension's choice when the other is absent or broken", async () => {
    for (const pythonEnvs of [offers(undefined), offers(""), fails]) {
      const chosen = await chooseInterpreter({ setting: "", pythonEnvs, msPython: offers("/b"), platform: "linux" });
      expect(chosen).toEqual({ path: "/b", source: "ms-python" });
    }
  });

  it("is python3 of the PATH when nobody offers one, and python on Windows", async () => {
    const nobody = { setting: "", pythonEnvs: offers(undefined), msPython: fails };
    expect((await chooseInterpreter({ ...nobody, platform: "linux" })).path).toBe("python3");
    expect((await chooseInterpreter({ ...nobody, platform: "win32" })).path).toBe("python");
  });

  it("says where it came from", () => {
    expect(describeInterpreter({ path: "/p", source: "setting" })).toContain("exbert.interpreter");
    expect(describeInterpreter({ path: "/p", source: "path" })).toContain("PATH");
  });
});

describe("a path in the settings", () => {
  it("may start with the home folder", () => {
    expect(expandPath("~/venv/bin/python", "/home/ada", undefined)).toBe("/home/ada/venv/bin/python");
    expect(expandPath("/a/~b", "/home/ada", undefined)).toBe("/a/~b");
  });

  it("may name the workspace folder, also one with a dollar sign", () => {
    expect(expandPath("${workspaceFolder}/.venv/bin/python", "/h", "/w/$& x")).toBe("/w/$& x/.venv/bin/python");
  });
});

describe("the probe", () => {
  it("is answered by a real Python", () => {
    const answer = readProbe(execFileSync("python3", ["-c", PROBE_SCRIPT], { encoding: "utf8", cwd: "/" }));
    expect(["ready", "noPackage", "tooOld"]).toContain(answer.kind);
  });

  const line = (python: number[], found: boolean): string =>
    `exbert-probe:${JSON.stringify({ python, found, version: null })}\n`;

  it("tells a missing package from an old Python", () => {
    expect(readProbe(line([3, 12], false))).toEqual({ kind: "noPackage", python: "3.12" });
    expect(readProbe(line([3, 10], true))).toEqual({ kind: "tooOld", python: "3.10" });
    expect(readProbe(line([3, 11], true))).toEqual({ kind: "ready", python: "3.11", version: null });
  });

  it("overlooks what a site hook prints around it", () => {
    expect(readProbe(`hello\r\n${line([3, 11], true)}bye`).kind).toBe("ready");
  });

  it("takes anything else for no Python", () => {
    for (const text of ["", "bash: command not found", "exbert-probe:{", "exbert-probe:null"]) {
      expect(readProbe(text).kind).toBe("notPython");
    }
  });
});
