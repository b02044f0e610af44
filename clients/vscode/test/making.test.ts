import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { madeIn, markReady, newFolder as newEnvironment, tidy } from "../src/python/environments";
import {
  environmentFor,
  install,
  MakingFailed,
  makeEnvironment,
  type Wanted,
  type Watcher,
} from "../src/python/making";
import { Cancelled } from "../src/python/program";
import { childOf, type Fault, fakePython, isRunning, newFolder } from "./fakes/python";

const WANTED: Wanted = { package: "exbert-rpc", torchIndex: "https://cpu.example/", pipOptions: {} };
let folder: string;
let home: string;

beforeEach(() => {
  folder = newFolder();
  home = join(folder, "environments");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function watch(): Watcher & { readonly steps: string[]; readonly printed: string[]; cancel(): void } {
  const abort = new AbortController();
  const [steps, printed]: [string[], string[]] = [[], []];
  return {
    signal: abort.signal,
    steps,
    printed,
    cancel: () => abort.abort(),
    onStep: (text) => steps.push(text),
    log: (line) => printed.push(line),
  };
}

const leftIn = (place: string): string[] => (existsSync(place) ? readdirSync(place) : []);

describe("an environment of the extension's own", () => {
  it("is made by the Python that was found, holds PyTorch for CPUs first, and is used from then on", async () => {
    const base = fakePython(folder);
    const watcher = watch();
    const python = await makeEnvironment(base.path, home, WANTED, watcher);
    expect((await madeIn(home)).map((one) => one.python)).toEqual([python]);
    const calls = base.calls();
    expect(calls[0]).toBe(`-I -m venv ${dirname(dirname(python))}`);
    expect(calls[1]).toBe("-I -u -m pip install --index-url https://cpu.example/ torch");
    expect(calls[2]).toBe("-I -u -m pip install --upgrade exbert-rpc");
    expect(calls[3]).toBe("-I -u -m exbert_rpc setup --yes");
    expect(calls[4]).toContain("import exbert_rpc");
    expect(watcher.steps).toContain("PyTorch: downloading torch, 191.8 MB");
    expect(watcher.printed.join("\n")).toContain("Downloading torch");
  });

  it("takes PyTorch from where all comes from if it is told to", async () => {
    for (const change of [{ torchIndex: "" }, { pipOptions: { "no-index": true } }]) {
      rmSync(join(folder, "calls"), { force: true });
      const base = fakePython(folder);
      await makeEnvironment(base.path, home, { ...WANTED, ...change }, watch());
      expect(base.calls().filter((call) => call.includes("pip install"))).toEqual([
        "-I -u -m pip install --upgrade exbert-rpc",
      ]);
    }
  });

  const faults: [Fault, MakingFailed["why"], RegExp, RegExp][] = [
    ["no-venv", "noEnvironments", /making the environment/, /apt install python3-venv/],
    ["no-network", "network", /PyTorch.*not reached/, /proxy/],
    ["disk-full", "diskFull", /disk is full/, /Free some space/],
    ["no-setup", "other", /pipeline.*pip ended with 1/, /log/],
    ["does-not-start", "other", /trying it.*libgomp/, /log/],
  ];
  it.each(faults)("is not kept when it fails: %s", async (fault, why, message, hint) => {
    const base = fakePython(folder, fault);
    const failure = await makeEnvironment(base.path, home, WANTED, watch()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MakingFailed);
    expect((failure as MakingFailed).why).toBe(why);
    expect((failure as MakingFailed).message).toMatch(message);
    expect((failure as MakingFailed).hint).toMatch(hint);
    expect(leftIn(home)).toEqual([]);
    expect(await madeIn(home)).toEqual([]);
  });

  it("is not kept when the person cancels half way, and what pip had started ends", async () => {
    const base = fakePython(folder, "hangs");
    const watcher = watch();
    const made = makeEnvironment(base.path, home, WANTED, watcher).catch((error: unknown) => error);
    await expect.poll(() => childOf(folder), { timeout: 5000 }).toBeDefined();
    const child = childOf(folder) ?? 0;
    watcher.cancel();
    expect(await made).toBeInstanceOf(Cancelled);
    expect(leftIn(home)).toEqual([]);
    await expect.poll(() => isRunning(child), { timeout: 5000 }).toBe(false);
  });

  it("is not begun when it was cancelled before", async () => {
    const base = fakePython(folder);
    const watcher = watch();
    watcher.cancel();
    expect(await makeEnvironment(base.path, home, WANTED, watcher).catch((error: unknown) => error)).toBeInstanceOf(
      Cancelled,
    );
    expect(base.calls()).toEqual([]);
    expect(leftIn(home)).toEqual([]);
  });

  it("says so when the Python is not there", async () => {
    const made = makeEnvironment(join(folder, "nowhere"), home, WANTED, watch());
    await expect(made).rejects.toThrow(/ENOENT/);
    expect(leftIn(home)).toEqual([]);
  });

  it("is replaced by the next one, which leaves the old one alone until it is complete", async () => {
    const base = fakePython(folder);
    const first = await makeEnvironment(base.path, home, WANTED, watch());
    const failed = await makeEnvironment(fakePython(newIn("other"), "no-network").path, home, WANTED, watch()).catch(
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(MakingFailed);
    expect((await madeIn(home))[0]?.python).toBe(first);
    const second = await makeEnvironment(base.path, home, WANTED, watch());
    expect((await madeIn(home))[0]?.python).toBe(second);
    await tidy(home, dirname(dirname(second)));
    expect((await madeIn(home)).map(({ python }) => python)).toEqual([second]);
  });

  it("is not used, and is removed, when the editor was killed while it was made", async () => {
    const left = join(home, "1700000000000-2147483646"); // no process has this number
    mkdirSync(join(left, "bin"), { recursive: true });
    fakePython(join(left, "bin"));
    writeFileSync(join(left, "bin/python"), "");
    const other = await newEnvironment(home); // by a process that runs
    expect(await madeIn(home)).toEqual([]);
    await tidy(home, undefined);
    expect(existsSync(left)).toBe(false);
    expect(existsSync(other)).toBe(true);
  });

  it("is not used once its Python is gone, or with a mark that cannot be read", async () => {
    const whole = await newEnvironment(home);
    await markReady(whole);
    expect(await madeIn(home)).toEqual([]);
    mkdirSync(join(whole, "bin"));
    writeFileSync(join(whole, "bin/python"), "");
    expect(await madeIn(home)).toHaveLength(1);
    writeFileSync(join(whole, "exbert-ready.json"), "{");
    expect(await madeIn(home)).toEqual([]);
  });

  const newIn = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };
});

describe("an environment of the person's", () => {
  it("gets the package, and stays when that fails", async () => {
    const good = fakePython(folder);
    await install(good.path, folder, WANTED, watch());
    expect(good.calls().some((call) => call.includes("venv"))).toBe(false);
    const bad = fakePython(folder, "no-network");
    await expect(install(bad.path, folder, WANTED, watch())).rejects.toThrow(/not reached/);
    expect(existsSync(bad.path)).toBe(true);
  });
});

describe("what pip is told", () => {
  it("are the options of the setting, as pip reads them from its environment", () => {
    const env = environmentFor({
      "index-url": "https://mirror/",
      "no-index": true,
      "find-links": ["/a", "/b"],
      retries: 0,
    });
    expect(env).toMatchObject({
      PIP_INDEX_URL: "https://mirror/",
      PIP_NO_INDEX: "1",
      PIP_FIND_LINKS: "/a /b",
      PIP_RETRIES: "0",
      PIP_NO_INPUT: "1",
    });
  });

  it("is nothing that would lead it out of its environment", () => {
    process.env.PIP_TARGET = "/elsewhere";
    process.env.PYTHONPATH = "/elsewhere";
    try {
      expect(environmentFor({})).not.toHaveProperty("PIP_TARGET");
      expect(environmentFor({})).not.toHaveProperty("PYTHONPATH");
    } finally {
      delete process.env.PIP_TARGET;
      delete process.env.PYTHONPATH;
    }
  });
});
