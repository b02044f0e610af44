/** A question to an interpreter, and what its answer means. The answer is one line of JSON behind a mark. */
const MARK = "exbert-probe:";

/** Run with `python -c`. It must parse in any Python, imports nothing of the package, and prints one line. */
export const PROBE_SCRIPT = [
  "import sys, json",
  "try:",
  "    import importlib.util as u",
  "    found = u.find_spec('exbert_rpc') is not None",
  "except Exception:",
  "    found = False",
  "version = None",
  "try:",
  "    import importlib.metadata as m",
  "    version = m.version('exbert-rpc')",
  "except Exception:",
  "    pass",
  `print('${MARK}' + json.dumps({'python': list(sys.version_info[:2]), 'found': found, 'version': version}))`,
].join("\n");

export type ProbeResult =
  | { readonly kind: "ready"; readonly python: string; readonly version: string | null }
  | { readonly kind: "noPackage"; readonly python: string }
  | { readonly kind: "tooOld"; readonly python: string }
  | { readonly kind: "notPython"; readonly reason: string };

const OLDEST: readonly [number, number] = [3, 11];

/** What the printed text says; without the marked line this is not a usable Python. */
export function readProbe(stdout: string): ProbeResult {
  const line = stdout.split(/\r?\n/).find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) return { kind: "notPython", reason: "it does not answer as Python would" };
  try {
    const answer = JSON.parse(line.slice(MARK.length)) as {
      python: [number, number];
      found: boolean;
      version: string | null;
    };
    const [major, minor] = answer.python;
    const python = `${major}.${minor}`;
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) return { kind: "tooOld", python };
    return answer.found ? { kind: "ready", python, version: answer.version } : { kind: "noPackage", python };
  } catch {
    return { kind: "notPython", reason: "its answer cannot be parsed" };
  }
}
