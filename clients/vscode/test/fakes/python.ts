/** Pythons that do what a test says: shell scripts that answer the probe, make folders, and end as pip would. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Fault = "" | "no-venv" | "no-network" | "disk-full" | "hangs" | "no-setup" | "does-not-start";

const SAID: Readonly<Record<Exclude<Fault, "" | "hangs">, string>> = {
  "no-venv":
    "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian/Ubuntu systems, you need to install the python3-venv\nError: Command '['/t/bin/python3', '-m', 'ensurepip', '--upgrade', '--default-pip']' returned non-zero exit status 1.",
  "no-network":
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution': /simple/exbert-rpc/\nERROR: No matching distribution found for exbert-rpc",
  "disk-full": "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
  "no-setup": "exbert-rpc: pip ended with 1",
  "does-not-start": "ImportError: libgomp.so.1: cannot open shared object file",
};

/** A folder that goes with the process's others; tests remove it. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), "exbert-python-"));

export interface FakePython {
  readonly path: string;
  /** What it was run with, one line a call. */
  calls(): readonly string[];
}

/** The answer to the probe. */
export const answer = (
  about: Partial<Record<"python" | "found" | "version" | "isolated" | "makes" | "executable", unknown>>,
): string =>
  `exbert-probe:${JSON.stringify({ python: [3, 12], found: false, version: null, isolated: false, makes: true, ...about })}`;

/** A Python in a folder, with a name; environments that it makes are run by a copy of it. */
export function fakePython(folder: string, fault: Fault = "", probe = answer({})): FakePython {
  const path = join(folder, "python3");
  const [said, calls, pid] = ["said", "calls", "pid"].map((name) => join(folder, name));
  writeFileSync(said ?? "", `${fault === "" || fault === "hangs" ? "" : SAID[fault]}\n`);
  const fails = (...faults: Fault[]): string => (faults.includes(fault) ? `cat '${said}' >&2; exit 1` : ":");
  const script = `#!/bin/sh
echo "$*" >> '${calls}'
case "$*" in
  *"-m venv "*)
    for last in "$@"; do :; done
    mkdir -p "$last/bin" && cp "$0" "$last/bin/python"
    ${fails("no-venv")} ;;
  *"-m pip install"*)
    echo "Collecting torch"
    echo "  Downloading torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl (191.8 MB)"
    ${fault === "hangs" ? `sleep 60 & echo $! > '${pid}'; wait` : ":"}
    ${fails("no-network", "disk-full")} ;;
  *"-m exbert_rpc setup --yes") ${fails("no-setup")} ;;
  *"import torch"*|*"import exbert_rpc"*) ${fails("does-not-start")} ;;
  *) echo '${probe}' ;;
esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return {
    path,
    calls: () =>
      existsSync(calls ?? "")
        ? readFileSync(calls ?? "", "utf8")
            .trim()
            .split("\n")
        : [],
  };
}

/** The process that a hanging Python waits for, once there is one. */
export function childOf(folder: string): number | undefined {
  const path = join(folder, "pid");
  const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  return text === "" ? undefined : Number(text);
}

/** Whether a process still runs; one that has ended and that nobody has asked about does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}
