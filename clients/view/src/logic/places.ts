/** Where a hit stands, for an editor to open; and which documents have changed since. */
import type { Location } from "../host";
import type { Hit } from "../protocol";

/** The same document in the spelling of every editor: they escape different characters. */
export function plainUri(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** Whether what a hit names may have moved: its file changed before the search, or an editor said so later. */
export function isChanged(hit: Hit, changed: readonly string[]): boolean {
  return hit.stale || (changed.length > 0 && changed.includes(plainUri(hit.document)));
}

export function locationOf(hit: Hit, changed: readonly string[]): Location {
  const { start, end } = hit.tokens[hit.match];
  const expected = { text: hit.sentence.text, start, end, changed: isChanged(hit, changed) };
  return { document: hit.document, range: hit.range, cell: hit.cell ?? null, expected };
}
