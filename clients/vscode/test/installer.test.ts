/** What a person is asked before anything is installed, and what comes of each answer. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Installer } from "../src/installer";
import { madeIn } from "../src/python/environments";
import { answer, childOf, type Fault, fakePython, newFolder } from "./fakes/python";
import { restore, Uri, window, workspace } from "./fakes/vscode";

const log = { info: vi.fn() };
let folder: string;
let path: string | undefined;

beforeEach(() => {
  folder = newFolder();
  path = process.env.PATH;
});
afterEach(() => {
  process.env.PATH = path;
  vi.restoreAllMocks();
  restore();
  rmSync(folder, { recursive: true, force: true });
});

function onPath(fault: Fault = "", probe = answer({})): ReturnType<typeof fakePython> {
  process.env.PATH = `${folder}:/bin:/usr/bin`;
  return fakePython(folder, fault, probe);
}

const installer = (): Installer => new Installer(log as never, join(folder, "environments"), "/");

/** Answers the question with a button, or with none; what was asked is returned. */
function answering(button: string | undefined): { text: string; buttons: string[] } {
  const asked = { text: "", buttons: [] as string[] };
  window.showInformationMessage = (...given: unknown[]) => {
    const [title, options, ...buttons] = given as [string, { detail?: string } | undefined, ...string[]];
    if (options?.detail === undefined) return Promise.resolve(undefined);
    Object.assign(asked, { text: `${title} ${options.detail}`, buttons });
    return Promise.resolve(button);
  };
  return asked;
}

describe("installing", () => {
  it("asks first, with sizes and the folder, and installs nothing without a yes", async () => {
    const python = onPath();
    const asked = answering(undefined);
    expect(await installer().offer()).toEqual({ kind: "nothing" });
    expect(asked.text).toMatch(/To download: about \d+ MB .*PyTorch for CPUs \d+ MB.* On disk: [\d.]+ GB/s);
    expect(asked.text).toContain(join(folder, "environments"));
    expect(asked.text).toContain("No other Python is changed");
    expect(asked.buttons).toEqual(["Make an Environment", "Select Interpreter"]);
    expect(python.calls().filter((call) => /-m (venv|pip)/.test(call))).toEqual([]);
  });

  it("makes an environment of its own when told to", async () => {
    onPath();
    answering("Make an Environment");
    const ended = await installer().offer();
    expect(ended).toMatchObject({ kind: "installed", isOwn: true });
    expect((await madeIn(join(folder, "environments")))[0]?.python).toBe(ended.kind === "installed" && ended.python);
  });

  it("installs into the workspace's environment when told to, and offers no system's Python", async () => {
    onPath();
    mkdirSync(join(folder, "project/.venv/bin"), { recursive: true });
    const mine = fakePython(join(folder, "project/.venv/bin"), "", answer({ isolated: true }));
    const python = join(folder, "project/.venv/bin/python");
    renameSync(mine.path, python);
    workspace.workspaceFolders = [{ uri: Uri.file(join(folder, "project")) }];
    const asked = answering("Install into .venv");
    expect(await installer().offer()).toEqual({ kind: "installed", python, isOwn: false });
    expect(asked.buttons).toEqual(["Make an Environment", "Install into .venv", "Select Interpreter"]);
    expect(mine.calls().some((call) => call.includes("pip install --upgrade exbert-rpc"))).toBe(true);
    expect(existsSync(join(folder, "environments"))).toBe(false);
  });

  it("runs nothing that an untrusted workspace brings", async () => {
    onPath();
    mkdirSync(join(folder, "project/.venv/bin"), { recursive: true });
    const theirs = fakePython(join(folder, "project/.venv/bin"));
    copyFileSync(theirs.path, join(folder, "project/.venv/bin/python"));
    workspace.workspaceFolders = [{ uri: Uri.file(join(folder, "project")) }];
    workspace.isTrusted = false;
    answering(undefined);
    await installer().offer();
    expect(theirs.calls()).toEqual([]);
  });

  it("says what to do where no Python can make an environment", async () => {
    onPath("", answer({ makes: false }));
    process.env.PATH = folder;
    answering("Make an Environment");
    await expect(installer().offer()).rejects.toMatchObject({ hint: expect.stringContaining("python3-venv") });
  });

  it("is cancelled from its message, and goes with the editor; nothing is left", async () => {
    for (const way of ["message", "editor"]) {
      onPath("hangs");
      answering("Make an Environment");
      let cancel: () => void = () => undefined;
      window.withProgress = (options: unknown, run: (...given: unknown[]) => unknown) => {
        const token = {
          isCancellationRequested: false,
          onCancellationRequested: (listener: () => void) => (cancel = listener),
        };
        return run({ report: () => undefined }, (options as { cancellable?: boolean }).cancellable ? token : undefined);
      };
      const one = installer();
      const ended = one.offer();
      rmSync(join(folder, "pid"), { force: true });
      await expect.poll(() => childOf(folder), { timeout: 10_000 }).toBeDefined();
      expect(await one.offer()).toEqual({ kind: "nothing" });
      if (way === "message") cancel();
      else one.dispose();
      expect(await ended).toEqual({ kind: "nothing" });
      expect(readdirSync(join(folder, "environments"))).toEqual([]);
    }
  });

  it("hands a failure on, with what to do", async () => {
    onPath("disk-full");
    answering("Make an Environment");
    await expect(installer().offer()).rejects.toMatchObject({ why: "diskFull", hint: expect.stringContaining("Free") });
    expect(readdirSync(join(folder, "environments"))).toEqual([]);
  });
});
