/** Finds the Python that runs the server, and asks it what it has. Both Python extensions are optional. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import * as vscode from "vscode";
import { chooseInterpreter, expandPath, type Interpreter } from "./pure/interpreters";
import { PROBE_SCRIPT, type ProbeResult, readProbe } from "./pure/probe";
import { firstFolder, readSettings } from "./settings";

// the few names of the two extensions' public APIs that are used
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(path: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}
interface PythonEnvsApi {
  getEnvironment(
    scope: vscode.Uri | undefined,
  ): Promise<{ readonly execInfo: { readonly run: { readonly executable: string } } } | undefined>;
  readonly onDidChangeEnvironment: vscode.Event<unknown>;
}

async function apiOf<Api>(id: string): Promise<Api | undefined> {
  const extension = vscode.extensions.getExtension<Api>(id);
  return extension === undefined ? undefined : await extension.activate();
}

const pythonApi = (): Promise<PythonApi | undefined> => apiOf<PythonApi>("ms-python.python");
const pythonEnvsApi = (): Promise<PythonEnvsApi | undefined> => apiOf<PythonEnvsApi>("ms-python.vscode-python-envs");

/** The interpreter to use now. */
export function findInterpreter(): Promise<Interpreter> {
  return chooseInterpreter({
    setting: expandPath(readSettings().interpreter, homedir(), firstFolder()?.fsPath),
    pythonEnvs: async () => (await (await pythonEnvsApi())?.getEnvironment(firstFolder()))?.execInfo.run.executable,
    msPython: async () => {
      const environments = (await pythonApi())?.environments;
      if (environments === undefined) return undefined;
      const resolved = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(firstFolder()));
      return resolved?.executable.uri?.fsPath;
    },
    platform: process.platform,
  });
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
