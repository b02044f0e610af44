/** The rows on show, and what a row says. */
import type { AppState } from "../../app";
import { type BarFilter, matchesBar, type SummaryMode } from "../../logic/labels";
import type { Hit, SearchResult } from "../../protocol";

const NO_HITS: readonly Hit[] = [];

type Kept = {
  readonly bar: BarFilter | null;
  readonly barMode: SummaryMode | null;
  readonly own: string | null;
  readonly hits: readonly Hit[];
};

/** The last filtering of each result, so that the same choice gives the same list. */
const filtered = new WeakMap<SearchResult, Kept>();

const plainly = (text: string) => text.replace(/\s+/g, " ").trim();

/** A hit in a sentence of the text that was read: the query finds itself. */
export function isOwn(hit: Hit, text: string): boolean {
  const sentence = plainly(hit.sentence.text);
  return sentence !== "" && plainly(text).includes(sentence);
}

/** How many hits are of the sentence that was searched for. */
export function ownHits({ result, capture }: Pick<AppState, "result" | "capture">): number {
  return result === null || capture === null ? 0 : result.hits.filter((hit) => isOwn(hit, capture.text)).length;
}

/** All hits but those of the query's own sentence; of these, with a clicked bar, the ones behind it. */
export function shownHits(state: Pick<AppState, "result" | "barMode" | "view" | "capture">): readonly Hit[] {
  const { result, view, capture } = state;
  if (result === null) return NO_HITS;
  const barMode = view.bar === null ? null : state.barMode;
  const bar = barMode === null ? null : view.bar;
  const own = view.ownSentence || capture === null ? null : capture.text;
  if (bar === null && own === null) return result.hits;
  const kept = filtered.get(result);
  if (kept !== undefined && kept.bar === bar && kept.barMode === barMode && kept.own === own) return kept.hits;
  const hits = result.hits.filter(
    (hit) => (own === null || !isOwn(hit, own)) && (bar === null || barMode === null || matchesBar(hit, bar, barMode)),
  );
  filtered.set(result, { bar, barMode, own, hits });
  return hits;
}

export function lineOf(hit: Hit): string {
  const line = hit.range.start.line + 1;
  return hit.cell === null || hit.cell === undefined ? String(line) : `cell ${hit.cell + 1}:${line}`;
}
