/** The rows on show, and what a row says. */
import type { AppState } from "../../app";
import { type BarFilter, matchesBar } from "../../logic/labels";
import type { Hit, SearchResult, SummarizeResult } from "../../protocol";

const NO_HITS: readonly Hit[] = [];

type Kept = { readonly bar: BarFilter; readonly summary: SummarizeResult; readonly hits: readonly Hit[] };

/** The last filtering of each result, so that the same choice gives the same list. */
const filtered = new WeakMap<SearchResult, Kept>();

/** All hits, or those behind the clicked bar. */
export function shownHits(state: Pick<AppState, "result" | "summary" | "view">): readonly Hit[] {
  const { result, summary, view } = state;
  if (result === null) return NO_HITS;
  const { bar } = view;
  if (bar === null || summary === null) return result.hits;
  const kept = filtered.get(result);
  if (kept !== undefined && kept.bar === bar && kept.summary === summary) return kept.hits;
  const hits = result.hits.filter((hit) => matchesBar(hit, bar, summary));
  filtered.set(result, { bar, summary, hits });
  return hits;
}

export function lineOf(hit: Hit): string {
  const line = hit.range.start.line + 1;
  return hit.cell === null || hit.cell === undefined ? String(line) : `cell ${hit.cell + 1}:${line}`;
}
