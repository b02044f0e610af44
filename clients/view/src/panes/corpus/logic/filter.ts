/** Conditions on the match, from what was typed. */
import type { Filter } from "../../../protocol";
import type { SearchFilter } from "../state";

/** Comma-separated words become a list; nothing given means no condition. */
export function readFilter(filter: SearchFilter): Filter | null {
  const out: Filter = {};
  for (const key of ["pos", "dep", "entity", "token", "documents"] as const) {
    const wanted = filter[key]
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    if (wanted.length > 0) out[key] = wanted;
  }
  return Object.keys(out).length === 0 ? null : out;
}
