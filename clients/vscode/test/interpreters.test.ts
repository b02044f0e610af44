import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  describeInterpreter,
  expandPath,
  type InterpreterSource,
  interpretersOf,
  pythonIn,
  type Source,
  shortPath,
} from "../src/pure/interpreters";
import { OLDEST_PACKAGE, PROBE_SCRIPT, readProbe } from "../src/pure/probe";
import { isOlder } from "../src/pure/versions";
import { pythonsOnPath } from "../src/python/path";
import { fakePython, newFolder } from "./fakes/python";

const offers = (source: InterpreterSource, ...paths: string[]): Source => ({
  source,
  find: () => Promise.resolve(paths),
});
const fails: Source = { source: "ms-python", find: () => Promise.reject(new Error("extension broken")) };

async function listed(...sources: Source[]): Promise<string[]> {
  const all: string[] = [];
  for await (const { path, source } of interpretersOf(sources)) all.push(`${source} ${path}`);
  return all;
}

describe("interpreters", () => {
  it("come in the order of their sources, each once, where it counts most", async () => {
    expect(
      await listed(offers("setting", ""), offers("workspace", "/w/.venv"), offers("ms-python", "/b", "/w/.venv")),
    ).toEqual(["workspace /w/.venv", "ms-python /b"]);
  });

  it("are found although an extension is broken", async () => {
    expect(await listed(fails, offers("path", "/usr/bin/python3"))).toEqual(["path /usr/bin/python3"]);
  });

  it("are looked for no further than is asked", async () => {
    const last = vi.fn(() => Promise.resolve(["/late"]));
    for await (const _ of interpretersOf([offers("workspace", "/w"), { source: "path", find: last }])) break;
    expect(last).not.toHaveBeenCalled();
  });

  it("say where they came from", () => {
    expect(describeInterpreter({ path: "/p", source: "setting" })).toContain("exbert.interpreter");
    expect(describeInterpreter({ path: "/p", source: "path" })).toContain("PATH");
    expect(describeInterpreter({ path: "/p", source: "own" })).toContain("made by exBERT");
  });

  it("are where the tools put them", () => {
    expect(pythonIn("/w/.venv", "linux")).toBe("/w/.venv/bin/python");
    expect(pythonIn("C:\\w\\.venv", "win32")).toBe("C:\\w\\.venv\\Scripts\\python.exe");
  });
});

describe("the Pythons of a PATH", () => {
  it("are each listed once, the plain name first, and none of a relative folder", async () => {
    const folder = newFolder();
    try {
      for (const name of ["a", "b"]) mkdirSync(join(folder, name));
      const first = fakePython(join(folder, "a")).path;
      const second = join(folder, "b/python3.12");
      copyFileSync(first, second);
      symlinkSync(first, join(folder, "b/python"));
      writeFileSync(join(folder, "b/python3"), "not executable");
      const path = [".", relative(process.cwd(), join(folder, "b")), join(folder, "b"), join(folder, "a")].join(":");
      expect(await pythonsOnPath(path, "linux")).toEqual([first, second]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("a path in a message", () => {
  it("has ~ for the home folder, and for no other that begins as it does", () => {
    expect(shortPath("/home/ada/.venv/bin/python", "/home/ada")).toBe("~/.venv/bin/python");
    expect(shortPath("/home/adalbert/python", "/home/ada")).toBe("/home/adalbert/python");
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

  const line = (python: number[], found: boolean, version: string | null = null): string =>
    `exbert-probe:${JSON.stringify({ python, found, version })}\n`;

  it("tells a missing package from an old Python", () => {
    expect(readProbe(line([3, 12], false))).toMatchObject({ kind: "noPackage", python: "3.12" });
    expect(readProbe(line([3, 10], true))).toMatchObject({ kind: "tooOld", python: "3.10" });
    expect(readProbe(line([3, 11], true))).toMatchObject({ kind: "ready", python: "3.11", version: null });
  });

  it("tells an old package from one that will do", () => {
    const answer = (version: string): string => readProbe(line([3, 11], true, version)).kind;
    expect(answer("0.0.9")).toBe("oldPackage");
    expect(answer(OLDEST_PACKAGE)).toBe("ready");
    expect(answer("0.10.0")).toBe("ready");
    const extension = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(isOlder(extension.version, OLDEST_PACKAGE)).toBe(false);
  });

  it("tells an environment from the Python that made it, by a real one", () => {
    const folder = newFolder();
    const ask = (python: string): unknown =>
      readProbe(execFileSync(python, ["-c", PROBE_SCRIPT], { encoding: "utf8", cwd: "/" }));
    try {
      execFileSync("python3", ["-m", "venv", "--without-pip", join(folder, "env")]);
      expect(ask(join(folder, "env/bin/python"))).toMatchObject({ isolated: true });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
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
