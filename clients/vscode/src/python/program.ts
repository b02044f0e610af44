/** Runs a program to its end, line by line, so that it can be cancelled with all that it has started. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The person has cancelled. */
export class Cancelled extends Error {
  constructor() {
    super("cancelled");
    this.name = "Cancelled";
  }
}

export interface Running {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  onLine(line: string): void;
}

const PATIENCE = 3000;

/**
 * The exit status and what was printed, standard output and error together.
 * Rejects with {@link Cancelled} once the program and its children have ended, or with what the system says where it cannot be started.
 */
export function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env, signal, onLine }: Running,
): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
  if (signal.aborted) return Promise.reject(new Cancelled());
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    // a group of its own, so that what it starts ends with it
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      detached: process.platform !== "win32",
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        onLine(line);
      });
    const stop = (): void => endAll(child);
    signal.addEventListener("abort", stop, { once: true });
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(new Cancelled());
      else finish();
    };
    child.once("error", (error) => settle(() => reject(error)));
    child.once("close", (code) => settle(() => resolve({ code, lines })));
  });
}

function endAll(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (process.platform === "win32") {
    spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { windowsHide: true, stdio: "ignore" }).on("error", () =>
      child.kill(),
    );
    return;
  }
  killGroup(pid, "SIGTERM");
  const timer = setTimeout(() => killGroup(pid, "SIGKILL"), PATIENCE);
  child.once("close", () => clearTimeout(timer));
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // all of it has ended
  }
}
