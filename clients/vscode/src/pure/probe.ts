/** A question to an interpreter, and what its answer means. The answer is one line of JSON behind a mark. */
import { isOlder } from "./versions";

const MARK = "exbert-probe:";

/** Run with `python -c`. It must parse in any Python, imports nothing of the package, and prints one line. */
export const PROBE_SCRIPT = [
  "import sys, json, os",
  "found = makes = False",
  "try:",
  "    import importlib.util as u",
  "    makes = u.find_spec('venv') is not None and u.find_spec('ensurepip') is not None",
  "    found = u.find_spec('exbert_rpc') is not None",
  "except Exception:",
  "    pass",
  "version = None",
  "try:",
  "    import importlib.metadata as m",
  "    version = m.version('exbert-rpc')",
  "except Exception:",
  "    pass",
  "there = lambda name: os.path.isdir(os.path.join(sys.prefix, name))",
  "isolated = getattr(sys, 'base_prefix', sys.prefix) != sys.prefix or (there('conda-meta') and not there('condabin'))",
  `print('${MARK}' + json.dumps({'python': list(sys.version_info[:2]), 'found': found, 'version': version,`,
  "    'isolated': bool(isolated), 'makes': bool(makes), 'executable': sys.executable or ''}))",
].join("\n");

/** What a Python is good for, whether the package is in it or not. */
interface Python {
  /** As in "3.12". */
  readonly python: string;
  /** An environment of its own, into which packages may be installed: a system's Python is not. */
  readonly isolated: boolean;
  /** Whether it can make environments; Debian's cannot without the package python3-venv. */
  readonly makes: boolean;
  /** What Python itself says that it is: behind a wrapper, or a shim that chooses by the folder. */
  readonly executable: string;
}

export type ProbeResult =
  | ({ readonly kind: "ready"; readonly version: string | null } & Python)
  | ({ readonly kind: "noPackage" } & Python)
  | ({ readonly kind: "oldPackage"; readonly version: string } & Python)
  | ({ readonly kind: "tooOld" } & Python)
  | { readonly kind: "notPython"; readonly reason: string };

export const OLDEST_PYTHON = "3.11";
/** The newest Python for which all that is needed is known to come built. */
export const NEWEST_PYTHON = "3.13";
/** The oldest package that speaks as this extension does. */
export const OLDEST_PACKAGE = "0.1.0";

/** What the printed text says; without the marked line this is not a usable Python. */
export function readProbe(stdout: string): ProbeResult {
  const line = stdout.split(/\r?\n/).find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) return { kind: "notPython", reason: "it does not answer as Python would" };
  try {
    const answer = JSON.parse(line.slice(MARK.length)) as {
      python: [number, number];
      found: boolean;
      version: string | null;
      isolated?: boolean;
      makes?: boolean;
      executable?: string;
    };
    const python = `${answer.python[0]}.${answer.python[1]}`;
    const about = {
      python,
      isolated: answer.isolated === true,
      makes: answer.makes === true,
      executable: answer.executable ?? "",
    };
    if (isOlder(python, OLDEST_PYTHON)) return { kind: "tooOld", ...about };
    if (!answer.found) return { kind: "noPackage", ...about };
    if (answer.version !== null && isOlder(answer.version, OLDEST_PACKAGE))
      return { kind: "oldPackage", version: answer.version, ...about };
    return { kind: "ready", version: answer.version, ...about };
  } catch {
    return { kind: "notPython", reason: "its answer cannot be parsed" };
  }
}

/** What is known of an interpreter, in a few words. */
export function describeProbe(answer: ProbeResult): string {
  switch (answer.kind) {
    case "ready":
      return `Python ${answer.python}, exbert-rpc ${answer.version ?? "from a source folder"}`;
    case "noPackage":
      return `Python ${answer.python}, without exbert-rpc`;
    case "oldPackage":
      return `Python ${answer.python}, exbert-rpc ${answer.version}: ${OLDEST_PACKAGE} or later is needed`;
    case "tooOld":
      return `Python ${answer.python}: ${OLDEST_PYTHON} or later is needed`;
    case "notPython":
      return `not a working Python: ${answer.reason}`;
  }
}
