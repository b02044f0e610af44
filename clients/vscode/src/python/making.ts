/** Makes an environment with everything that the server needs, or installs into one; what fails leaves nothing behind. */
import { statfs } from "node:fs/promises";
import { pythonIn } from "../pure/interpreters";
import { markReady, newFolder, remove, tidy } from "./environments";
import { type Cause, diagnose, stepOf } from "./pipOutput";
import { type Running, runProgram } from "./program";

/** What is installed, and how. */
export interface Wanted {
  /** What pip is given: a name, a wheel, or a folder. */
  readonly package: string;
  /** Where PyTorch comes from; empty: from where everything else comes. */
  readonly torchIndex: string;
  /** pip's long options without their dashes. */
  readonly pipOptions: Readonly<Record<string, unknown>>;
}

/** Somebody who looks on. */
export interface Watcher {
  readonly signal: AbortSignal;
  /** What is done now, in a few words. */
  onStep(text: string): void;
  log(line: string): void;
}

export class MakingFailed extends Error {
  constructor(
    readonly why: Cause,
    message: string,
    readonly hint: string,
  ) {
    super(message);
    this.name = "MakingFailed";
  }
}

/** Bytes that are fetched and bytes on disk; measured on Linux (x86-64), PyTorch 2.13 for CPUs and 2.14 with CUDA 13. */
export const SIZES = {
  torch: 192e6,
  libraries: 131e6,
  carriers: 101e6,
  onDisk: 1.6e9,
  torchWithCuda: 3.0e9,
  onDiskWithCuda: 6.1e9,
} as const;

interface Step {
  readonly title: string;
  readonly args: readonly string[];
}

/**
 * Makes an environment below `home` with the Python `base`, and returns its interpreter.
 * Until all is installed and tried, it has no mark, and nothing uses it; when something fails or is cancelled, it is removed.
 */
export async function makeEnvironment(base: string, home: string, wanted: Wanted, watcher: Watcher): Promise<string> {
  await tidy(home, undefined);
  const folder = await newFolder(home);
  try {
    await requireRoom(folder, wanted);
    await run(base, { title: "making the environment", args: ["-I", "-m", "venv", folder] }, folder, wanted, watcher);
    const python = pythonIn(folder, process.platform);
    await install(python, folder, wanted, watcher);
    await markReady(folder);
    return python;
  } catch (error) {
    await remove(folder).catch((left: unknown) => watcher.log(`${folder} could not be removed: ${String(left)}`));
    throw error;
  }
}

/** Installs into an environment that is there, and tries what was installed. */
export async function install(python: string, cwd: string, wanted: Wanted, watcher: Watcher): Promise<void> {
  for (const step of stepsFor(wanted)) await run(python, step, cwd, wanted, watcher);
}

function stepsFor({ package: name, torchIndex, pipOptions }: Wanted): Step[] {
  const pip = ["-I", "-u", "-m", "pip", "install"];
  const torch =
    torchIndex === "" || pipOptions["no-index"] === true
      ? []
      : [{ title: "PyTorch", args: [...pip, "--index-url", torchIndex, "torch"] }];
  return [
    ...torch,
    { title: "exbert-rpc", args: [...pip, "--upgrade", name] },
    { title: "a small model and an English pipeline", args: ["-I", "-u", "-m", "exbert_rpc", "setup", "--yes"] },
    { title: "trying it", args: ["-I", "-c", "import exbert_rpc.server, torch, transformers, spacy"] },
  ];
}

async function run(
  python: string,
  { title, args }: Step,
  cwd: string,
  wanted: Wanted,
  watcher: Watcher,
): Promise<void> {
  watcher.onStep(title);
  watcher.log(`${python} ${args.join(" ")}`);
  const running: Running = {
    cwd,
    env: environmentFor(wanted.pipOptions),
    signal: watcher.signal,
    onLine: (line) => {
      watcher.log(line);
      const step = stepOf(line);
      if (step !== undefined) watcher.onStep(`${title}: ${step}`);
    },
  };
  const { code, lines } = await runProgram(python, args, running);
  if (code === 0) return;
  const { cause, reason, hint } = diagnose(lines);
  throw new MakingFailed(cause, `Installing failed at “${title}”. ${reason}`, hint);
}

/** This process's environment with pip's options as it takes them from there, without what leads Python astray. */
export function environmentFor(options: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1" };
  for (const name of ["PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"])
    delete env[name];
  for (const [name, value] of Object.entries(options)) {
    const values = (Array.isArray(value) ? value : [value]).map((one) =>
      typeof one === "boolean" ? Number(one) : one,
    );
    env[`PIP_${name.replace(/^-+/, "").replaceAll("-", "_").toUpperCase()}`] = values.join(" ");
  }
  return env;
}

async function requireRoom(folder: string, { torchIndex }: Wanted): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const mayHaveCuda = torchIndex === "" && process.platform === "linux";
  const needed = mayHaveCuda ? SIZES.onDiskWithCuda : SIZES.onDisk;
  if (bavail * bsize >= needed) return;
  const [free, wanted] = [bavail * bsize, needed].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`);
  throw new MakingFailed(
    "diskFull",
    `${free} are free where ${folder} is; ${wanted} are needed.`,
    "Free some space, then try again.",
  );
}
