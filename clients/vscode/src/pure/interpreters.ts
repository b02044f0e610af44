/** Where an interpreter was found, in the order in which it counts. */
export type InterpreterSource = "setting" | "python-envs" | "ms-python" | "path";

export interface Interpreter {
  readonly path: string;
  readonly source: InterpreterSource;
}

/** Asks one source; undefined when it has nothing to offer or isn't installed. */
export type InterpreterProbe = () => Promise<string | undefined>;

/**
 * The interpreter to use: the setting, else the Python extensions' choice, else `python3` on the PATH.
 * A source that throws counts as one that offers nothing: both extensions are optional.
 */
export async function chooseInterpreter(probes: {
  readonly setting: string;
  readonly pythonEnvs: InterpreterProbe;
  readonly msPython: InterpreterProbe;
  readonly platform: NodeJS.Platform;
}): Promise<Interpreter> {
  if (probes.setting !== "") return { path: probes.setting, source: "setting" };
  for (const [source, probe] of [
    ["python-envs", probes.pythonEnvs],
    ["ms-python", probes.msPython],
  ] as const) {
    const path = await probe().catch(() => undefined);
    if (path !== undefined && path !== "") return { path, source };
  }
  return { path: probes.platform === "win32" ? "python" : "python3", source: "path" };
}

/** The setting with `~` and `${workspaceFolder}` filled in. */
export function expandPath(path: string, home: string, workspaceFolder: string | undefined): string {
  const trimmed = path.trim().replace(/^~(?=[\\/]|$)/, () => home);
  return workspaceFolder === undefined ? trimmed : trimmed.replaceAll("${workspaceFolder}", () => workspaceFolder);
}

/** In words, for messages. */
export function describeInterpreter(interpreter: Interpreter): string {
  switch (interpreter.source) {
    case "setting":
      return `${interpreter.path} (from the setting exbert.interpreter)`;
    case "python-envs":
    case "ms-python":
      return `${interpreter.path} (chosen in the Python extension)`;
    case "path":
      return `${interpreter.path} (from the PATH)`;
  }
}
