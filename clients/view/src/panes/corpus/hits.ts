/** The rows on show, and what a row says. */
import type { AppState } from "../../app";
import { type BarFilter, matchesBar, type SummaryMode } from "../../logic/labels";
import type { Hit, SearchResult } from "../../protocol";

const NO_HITS: readonly Hit[] = [];

type Kept = { readonly bar: BarFilter; readonly barMode: SummaryMode; readonly hits: readonly Hit[] };

/** The last filtering of each result, so that the same choice gives the same list. */
const filtered = new WeakMap<SearchResult, Kept>();

/** All hits, or those behind the clicked bar. */
export function shownHits(state: Pick<AppState, "result" | "barMode" | "view">): readonly Hit[] {
  const { result, barMode, view } = state;
  if (result === null) return NO_HITS;
  const { bar } = view;
  if (bar === null || barMode === null) return result.hits;
  const kept = filtered.get(result);
  if (kept !== undefined && kept.bar === bar && kept.barMode === barMode) return kept.hits;
  const hits = result.hits.filter((hit) => matchesBar(hit, bar, barMode));
  filtered.set(result, { bar, barMode, hits });
  return hits;
}

export function lineOf(hit: Hit): string {
  const line = hit.range.start.line + 1;
  return hit.cell === null || hit.cell === undefined ? String(line) : `cell ${hit.cell + 1}:${line}`;
}
