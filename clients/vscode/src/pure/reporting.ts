/** Which methods take a `workDoneToken`: all but those that only describe or remove. */
import type { Method } from "../../../../protocol/types";

const QUICK: ReadonlySet<Method> = new Set<Method>(["describeModel", "describeCorpus", "removeCorpus"]);

/** A new method reports progress unless it is named above; a test compares the list with the protocol. */
export function reportsProgress(method: Method): boolean {
  return !QUICK.has(method);
}
