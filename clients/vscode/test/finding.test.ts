import { describe, expect, it } from "vitest";
import {
  baseFor,
  type Examined,
  firstReady,
  noBase,
  nothingReady,
  pathOf,
  targetsOf,
  worthListing,
} from "../src/pure/finding";
import type { Interpreter, InterpreterSource } from "../src/pure/interpreters";
import { type ProbeResult, readProbe } from "../src/pure/probe";
import { answer } from "./fakes/python";

type About = Parameters<typeof answer>[0];
const probed = (about: About): ProbeResult => readProbe(answer(about));
const one = (source: InterpreterSource, path: string, about: About | null): Examined => ({
  interpreter: { source, path },
  answer: about === null ? { kind: "notPython", reason: "the file does not exist" } : probed(about),
});
async function* offered(all: readonly Examined[]): AsyncGenerator<Interpreter> {
  for (const { interpreter } of all) yield interpreter;
}
const first = (...all: Examined[]) =>
  firstReady(offered(all), ({ path }) =>
    Promise.resolve(all.find(({ interpreter }) => interpreter.path === path)?.answer ?? probed({})),
  );
const told = (...all: Examined[]): string => {
  const { message, hint } = nothingReady(all);
  return `${message} ${hint}`;
};

describe("the interpreter of the server", () => {
  it("is the first that has the package: a project's environment without it is passed over", async () => {
    const found = await first(
      one("workspace", "/w/.venv/bin/python", {}),
      one("ms-python", "/old", { python: [3, 9] }),
      one("own", "/own", { found: true, version: "0.1.0" }),
      one("path", "/usr/bin/python3", { found: true }),
    );
    expect(found.ready?.interpreter).toEqual({ source: "own", path: "/own" });
    expect(found.tried).toHaveLength(3);
  });

  it("is what the setting names, or none", async () => {
    const found = await first(one("setting", "/mine", {}), one("path", "/usr/bin/python3", { found: true }));
    expect(found.ready).toBeUndefined();
    expect(found.tried.map(({ interpreter }) => interpreter.path)).toEqual(["/mine"]);
  });
});

describe("without an interpreter, the message", () => {
  it("names the only one", () => {
    expect(told(one("setting", "/usr/bin/python3", {}))).toBe(
      "The Python package exbert-rpc is not installed in /usr/bin/python3 (from the setting exbert.interpreter). Install it, or choose another interpreter.",
    );
    expect(told(one("setting", "/no", null))).toMatch(/not a working Python interpreter: the file does not exist/);
  });

  it("says what is too old, the package or Python", () => {
    const old = one("own", "/own", { found: true, version: "0.0.9" });
    expect(told(old, one("path", "/usr/bin/python3", {}))).toMatch(
      /0\.0\.9 in \/own .* needs 0\.1\.0 or later\. Update it/,
    );
    expect(told(one("path", "/a", { python: [3, 9] }))).toMatch(/is Python 3\.9\. Install Python 3\.11/);
    expect(told(one("path", "/a", { python: [3, 9] }), one("path", "/b", { python: [3, 10] }))).toMatch(/is older/);
  });

  it("says that there is no Python, or counts those without the package", () => {
    expect(told()).toMatch(/^No Python was found/);
    expect(told(one("workspace", "/w", {}), one("path", "/a", {}), one("path", "/x", null))).toMatch(
      /not installed in any of the 2 interpreters/,
    );
  });
});

describe("the Python that makes an environment", () => {
  it("is a system's before an environment, which may be deleted, and a known version before a newer one", () => {
    const environment = one("workspace", "/w/.venv/bin/python", { isolated: true });
    const system = one("path", "/usr/bin/python3", {});
    const newer = one("path", "/usr/bin/python3.15", { python: [3, 15] });
    expect(baseFor([environment, newer, system])).toBe(system);
    expect(baseFor([newer, environment])).toBe(environment);
    expect(baseFor([newer])).toBe(newer);
  });

  it("is none that is too old, or that lacks what it takes; then it is said what to do", () => {
    const debian = one("path", "/usr/bin/python3", { makes: false });
    const old = one("path", "/old", { python: [3, 9] });
    expect(baseFor([old, debian])).toBeUndefined();
    expect(noBase([old, debian])).toMatchObject({
      message: expect.stringContaining("/usr/bin/python3 cannot make an environment"),
      hint: expect.stringContaining("python3-venv"),
    });
    expect(noBase([old]).message).toBe(
      "Python 3.11 or later was not found (/old: Python 3.9: 3.11 or later is needed).",
    );
  });
});

describe("the list to choose from", () => {
  it("has each Python of the PATH once, and none that does not work", () => {
    const itself = { executable: "/opt/python/bin/python3.12" };
    const [plain, shim] = [one("path", "/bin/python3", itself), one("path", "/shims/python", itself)];
    const [broken, named] = [one("path", "/shims/python3.13", null), one("setting", "/gone", null)];
    expect(worthListing([named, plain, shim, broken])).toEqual([named, plain]);
    expect(pathOf(shim)).toBe("/opt/python/bin/python3.12");
  });
});

describe("an environment to install into", () => {
  it("is one that the person made for this: no system's Python, nobody else's choice", () => {
    const mine = one("setting", "/mine", { isolated: true });
    const workspace = one("workspace", "/w", { isolated: true, found: true, version: "0.0.1" });
    expect(
      targetsOf([
        mine,
        workspace,
        one("setting", "/usr/bin/python3", {}),
        one("path", "/conda", { isolated: true }),
        one("workspace", "/w2", { isolated: true, found: true }),
      ]),
    ).toEqual([mine, workspace]);
  });
});
