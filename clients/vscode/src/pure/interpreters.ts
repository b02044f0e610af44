/** Where an interpreter was found, in the order in which it counts. */
export type InterpreterSource = "setting" | "workspace" | "python-envs" | "ms-python" | "own" | "path";

export interface Interpreter {
  readonly path: string;
  readonly source: InterpreterSource;
}

/** One place to look; it has nothing to offer where its extension is absent or its folder isn't there. */
export interface Source {
  readonly source: InterpreterSource;
  find(): Promise<readonly string[]>;
}

/**
 * What the sources offer, in their order, each path once.
 * A source that throws counts as one that offers nothing: the Python extensions are optional.
 */
export async function* interpretersOf(sources: readonly Source[]): AsyncGenerator<Interpreter> {
  const seen = new Set<string>();
  for (const { source, find } of sources) {
    for (const path of await find().catch(() => [])) {
      if (path === "" || seen.has(path)) continue;
      seen.add(path);
      yield { path, source };
    }
  }
}

/** Names of the folders of a workspace that hold an environment, as the tools that make them call them. */
export const WORKSPACE_ENVIRONMENTS = [".venv", "venv", "env"] as const;

/** The interpreter of an environment in a folder. */
export function pythonIn(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32" ? `${folder}\\Scripts\\python.exe` : `${folder}/bin/python`;
}

/** Names under which a PATH has Python, the plain one first. */
export function pathNames(platform: NodeJS.Platform): readonly string[] {
  const versions = ["3.13", "3.12", "3.11"].map((version) => `python${version}`);
  return platform === "win32" ? ["python.exe", "python3.exe"] : ["python3", ...versions, "python"];
}

/** The setting with `~` and `${workspaceFolder}` filled in. */
export function expandPath(path: string, home: string, workspaceFolder: string | undefined): string {
  const trimmed = path.trim().replace(/^~(?=[\\/]|$)/, () => home);
  return workspaceFolder === undefined ? trimmed : trimmed.replaceAll("${workspaceFolder}", () => workspaceFolder);
}

/** A path as a person writes it: `~` for the home folder. */
export function shortPath(path: string, home: string): string {
  return home !== "" && /^[\\/]/.test(path.slice(home.length)) && path.startsWith(home)
    ? `~${path.slice(home.length)}`
    : path;
}

/** Where it comes from, in words. */
export function describeSource(source: InterpreterSource): string {
  switch (source) {
    case "setting":
      return "from the setting exbert.interpreter";
    case "workspace":
      return "in this workspace";
    case "python-envs":
    case "ms-python":
      return "from the Python extension";
    case "own":
      return "made by exBERT";
    case "path":
      return "from the PATH";
  }
}

/** In words, for messages. */
export function describeInterpreter({ path, source }: Interpreter): string {
  return `${path} (${describeSource(source)})`;
}
