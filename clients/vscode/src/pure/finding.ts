/** Which of the interpreters that were found runs the server, and what to say when none can. */
import { ClientFailure } from "./failures";
import { describeInterpreter, type Interpreter } from "./interpreters";
import { describeProbe, NEWEST_PYTHON, OLDEST_PACKAGE, OLDEST_PYTHON, type ProbeResult } from "./probe";
import { isOlder } from "./versions";

/** An interpreter and its answer to the probe. */
export interface Examined {
  readonly interpreter: Interpreter;
  readonly answer: ProbeResult;
}

/**
 * The first interpreter that has the package, or all that were looked at.
 * A setting is not passed over: what a person has named is used, or its fault is told.
 */
export async function firstReady(
  found: AsyncIterable<Interpreter>,
  probe: (interpreter: Interpreter) => Promise<ProbeResult>,
): Promise<{ readonly ready?: Examined; readonly tried: readonly Examined[] }> {
  const tried: Examined[] = [];
  for await (const interpreter of found) {
    const one = { interpreter, answer: await probe(interpreter) };
    tried.push(one);
    if (one.answer.kind === "ready") return { ready: one, tried };
    if (interpreter.source === "setting") break;
  }
  return { tried };
}

const INSTALL = "Install it, or choose another interpreter.";
const CHOOSE = "Choose another interpreter.";

/** What to tell when no interpreter has the package. */
export function nothingReady(tried: readonly Examined[]): ClientFailure {
  const pythons = tried.filter(({ answer }) => answer.kind !== "notPython");
  const old = pythons.find(({ answer }) => answer.kind === "oldPackage");
  const [only] = tried.length === 1 ? tried : old === undefined ? [] : [old];
  if (only !== undefined) return oneNotReady(only);
  if (pythons.length === 0)
    return missing("No Python was found on this machine.", "Install Python 3.11 or later, then try again.");
  if (pythons.every(({ answer }) => answer.kind === "tooOld"))
    return missing(
      `exbert-rpc needs Python ${OLDEST_PYTHON} or later; what was found is older.`,
      `Install Python ${OLDEST_PYTHON} or later, then try again.`,
    );
  return missing(
    `The Python package exbert-rpc is not installed in any of the ${pythons.length} interpreters that were found.`,
    INSTALL,
  );
}

function oneNotReady({ interpreter, answer }: Examined): ClientFailure {
  const where = describeInterpreter(interpreter);
  switch (answer.kind) {
    case "oldPackage":
      return missing(
        `exbert-rpc ${answer.version} in ${where} is too old: this extension needs ${OLDEST_PACKAGE} or later.`,
        "Update it, or choose another interpreter.",
      );
    case "tooOld":
      return missing(
        `exbert-rpc needs Python ${OLDEST_PYTHON} or later; ${where} is Python ${answer.python}.`,
        interpreter.source === "path" ? `Install Python ${OLDEST_PYTHON} or later, then try again.` : CHOOSE,
      );
    case "notPython":
      return missing(`${where} is not a working Python interpreter: ${answer.reason}.`, CHOOSE);
    default:
      return missing(`The Python package exbert-rpc is not installed in ${where}.`, INSTALL);
  }
}

const missing = (message: string, hint: string): ClientFailure => new ClientFailure("serverMissing", message, hint);

/** The Python that makes an environment; a system's own before one that may be deleted, well-known versions first. */
export function baseFor(tried: readonly Examined[]): Examined | undefined {
  const able = tried.filter(({ answer }) => answer.kind !== "notPython" && answer.kind !== "tooOld" && answer.makes);
  const rank = ({ interpreter, answer }: Examined): number => {
    if (answer.kind === "notPython") return 9;
    return (
      (isOlder(NEWEST_PYTHON, answer.python) ? 4 : 0) +
      (answer.isolated ? 2 : 0) +
      (interpreter.source === "own" ? 1 : 0)
    );
  };
  return [...able].sort((a, b) => rank(a) - rank(b))[0];
}

/** Those to choose from: of the PATH, what works, and each Python once, by whatever name it was found. */
export function worthListing(tried: readonly Examined[]): readonly Examined[] {
  const seen = new Set<string>();
  return tried.filter(({ interpreter, answer }) => {
    const itself = answer.kind === "notPython" ? "" : answer.executable;
    const isKnown = itself !== "" && seen.has(itself);
    seen.add(itself);
    return interpreter.source !== "path" || (answer.kind !== "notPython" && !isKnown);
  });
}

/** The path by which a Python makes an environment. */
export function pathOf({ interpreter, answer }: Examined): string {
  return answer.kind === "notPython" || answer.executable === "" ? interpreter.path : answer.executable;
}

/** Why no environment can be made, and what to do; of what was found, the Python that comes nearest is named. */
export function noBase(tried: readonly Examined[]): ClientFailure {
  const near = tried.find(({ answer }) => answer.kind !== "notPython" && answer.kind !== "tooOld");
  if (near === undefined) {
    const found = tried.map((one) => `${one.interpreter.path}: ${describeProbe(one.answer)}`).join("; ");
    return missing(
      `Python ${OLDEST_PYTHON} or later was not found${found === "" ? "" : ` (${found})`}.`,
      "Install it, for instance from python.org, then try again.",
    );
  }
  const { path } = near.interpreter;
  return missing(
    `${path} cannot make an environment: its modules venv and ensurepip are not complete.`,
    "On Debian and Ubuntu, run “sudo apt install python3-venv”. Then try again.",
  );
}

/** Environments of the person into which the package may be installed: no system's Python, nothing that was not asked for. */
export function targetsOf(tried: readonly Examined[]): readonly Examined[] {
  return tried.filter(
    ({ interpreter, answer }) =>
      (answer.kind === "noPackage" || answer.kind === "oldPackage") &&
      answer.isolated &&
      (interpreter.source === "setting" || interpreter.source === "workspace"),
  );
}
