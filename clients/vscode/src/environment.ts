/** Finds the Pythons of this machine, and asks each what it has. Both Python extensions are optional. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import * as vscode from "vscode";
import type { Examined } from "./pure/finding";
import {
  expandPath,
  type Interpreter,
  interpretersOf,
  pythonIn,
  type Source,
  WORKSPACE_ENVIRONMENTS,
} from "./pure/interpreters";
import { PROBE_SCRIPT, type ProbeResult, readProbe } from "./pure/probe";
import { madeIn } from "./python/environments";
import { pythonsOnPath } from "./python/path";
import { firstFolder, readSettings } from "./settings";

// the few names of the two extensions' public APIs that are used
interface PythonApi {
  readonly environments: {
    readonly known: readonly { readonly executable: { readonly uri?: vscode.Uri } }[];
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(path: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}
interface PythonEnvironment {
  readonly execInfo: { readonly run: { readonly executable: string } };
}
interface PythonEnvsApi {
  getEnvironment(scope: vscode.Uri | undefined): Promise<PythonEnvironment | undefined>;
  getEnvironments(scope: "all"): Promise<readonly PythonEnvironment[]>;
  readonly onDidChangeEnvironment: vscode.Event<unknown>;
}

async function apiOf<Api>(id: string): Promise<Api | undefined> {
  const extension = vscode.extensions.getExtension<Api>(id);
  return extension === undefined ? undefined : await extension.activate();
}

const pythonApi = (): Promise<PythonApi | undefined> => apiOf<PythonApi>("ms-python.python");
const pythonEnvsApi = (): Promise<PythonEnvsApi | undefined> => apiOf<PythonEnvsApi>("ms-python.vscode-python-envs");

const isGiven = (path: string | undefined): path is string => path !== undefined;

/** What the setting names, with its placeholders filled in; empty: nothing. */
export const namedInterpreter = (): string => expandPath(readSettings().interpreter, homedir(), firstFolder()?.fsPath);

/** Environments in the folders that are open; what an untrusted workspace brings is not run. */
function workspaceEnvironments(): readonly string[] {
  if (!vscode.workspace.isTrusted) return [];
  return (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === "file")
    .flatMap(({ uri }) => WORKSPACE_ENVIRONMENTS.map((name) => vscode.Uri.joinPath(uri, name).fsPath))
    .map((folder) => pythonIn(folder, process.platform))
    .filter((path) => existsSync(path));
}

async function activeInPythonEnvs(): Promise<readonly string[]> {
  const active = await (await pythonEnvsApi())?.getEnvironment(firstFolder());
  return active === undefined ? [] : [active.execInfo.run.executable];
}

async function activeInMsPython(): Promise<readonly string[]> {
  const environments = (await pythonApi())?.environments;
  if (environments === undefined) return [];
  const resolved = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(firstFolder()));
  return [resolved?.executable.uri?.fsPath].filter(isGiven);
}

/** Interpreters in the order in which they count. `own` is the folder of the environments that the extension made. */
export function findInterpreters(own: string): AsyncGenerator<Interpreter> {
  return interpretersOf(sources(own));
}

/** These, and every other environment that a Python extension knows. */
export function findAllInterpreters(own: string): AsyncGenerator<Interpreter> {
  const known: Source[] = [
    {
      source: "python-envs",
      find: async () =>
        ((await (await pythonEnvsApi())?.getEnvironments("all")) ?? []).map(({ execInfo }) => execInfo.run.executable),
    },
    {
      source: "ms-python",
      find: async () =>
        ((await pythonApi())?.environments.known ?? []).map(({ executable }) => executable.uri?.fsPath).filter(isGiven),
    },
  ];
  return interpretersOf([...sources(own), ...known]);
}

function sources(own: string): Source[] {
  return [
    { source: "setting", find: () => Promise.resolve([namedInterpreter()]) },
    { source: "workspace", find: () => Promise.resolve(workspaceEnvironments()) },
    { source: "python-envs", find: activeInPythonEnvs },
    { source: "ms-python", find: activeInMsPython },
    { source: "own", find: async () => (await madeIn(own)).slice(0, 1).map(({ python }) => python) },
    { source: "path", find: () => pythonsOnPath(process.env.PATH ?? "", process.platform) },
  ];
}

/** All of them with their answers, several asked at a time; `onAnswer` hears each at once. */
export async function examineAll(
  found: AsyncIterable<Interpreter>,
  cwd: string,
  onAnswer: (one: Examined) => void = () => undefined,
): Promise<readonly Examined[]> {
  const asked: Promise<Examined>[] = [];
  for await (const interpreter of found) {
    const one = probeInterpreter(interpreter, cwd).then((answer) => ({ interpreter, answer }));
    void one.then(onAnswer);
    asked.push(one);
  }
  return await Promise.all(asked);
}

/** Calls back when the person chooses another environment in a Python extension. */
export async function onInterpreterChange(callback: () => void): Promise<vscode.Disposable> {
  const changes = [
    (await pythonEnvsApi().catch(() => undefined))?.onDidChangeEnvironment,
    (await pythonApi().catch(() => undefined))?.environments.onDidChangeActiveEnvironmentPath,
  ];
  return vscode.Disposable.from(...changes.flatMap((event) => (event === undefined ? [] : [event(callback)])));
}

/** Asks an interpreter for its version and the package. `cwd` is ours, so that no file of a workspace is imported. */
export function probeInterpreter(interpreter: Interpreter, cwd: string): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 20_000, killSignal: "SIGKILL", windowsHide: true, encoding: "utf8" } as const;
    execFile(interpreter.path, ["-c", PROBE_SCRIPT], options, (error, stdout) => {
      const answer = readProbe(stdout);
      if (answer.kind === "notPython" && error !== null) {
        const reason = "code" in error && error.code === "ENOENT" ? "the file does not exist" : answer.reason;
        resolve({ kind: "notPython", reason });
      } else resolve(answer);
    });
  });
}
