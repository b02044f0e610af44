/** The rows on show, and what a row says. */
import type { AppState } from "../../app";
import { type BarFilter, matchesBar, type SummaryMode } from "../../logic/labels";
import type { Hit } from "../../protocol";
import type { Found } from "./state";

const NO_HITS: readonly Hit[] = [];

type Kept = {
  readonly bar: BarFilter | null;
  readonly barMode: SummaryMode | null;
  readonly own: ReadonlySet<Hit> | null;
  readonly hits: readonly Hit[];
};

/** The last filtering of each result, so that the same choice gives the same list. */
const filtered = new WeakMap<Found, Kept>();

const plainly = (text: string) => text.replace(/\s+/g, " ").trim();

/** The hits of each result in sentences of the text that was read last: counted once, asked for at every change. */
const owned = new WeakMap<Found, { readonly text: string; readonly own: ReadonlySet<Hit> }>();

/** Hits in a sentence of the text that was read: there the query finds itself. */
export function ownHits(result: Found, text: string): ReadonlySet<Hit> {
  const kept = owned.get(result);
  if (kept?.text === text) return kept.own;
  const read = plainly(text);
  const isOwn = ({ sentence }: Hit) => plainly(sentence.text) !== "" && read.includes(plainly(sentence.text));
  const own = new Set(result.hits.filter(isOwn));
  owned.set(result, { text, own });
  return own;
}

type Shown = Pick<AppState, "result" | "barMode" | "view" | "capture">;

/** How many hits are of the sentence that was searched for. */
export function countOwn({ result, capture }: Pick<Shown, "result" | "capture">): number {
  return result === null || capture === null ? 0 : ownHits(result, capture.text).size;
}

/** How many hits there are before a bar is clicked. */
export function countAll(state: Omit<Shown, "barMode">): number {
  return (state.result?.hits.length ?? 0) - (state.view.ownSentence ? 0 : countOwn(state));
}

/** All hits but those of the query's own sentence; of these, with a clicked bar, the ones behind it. */
export function shownHits(state: Shown): readonly Hit[] {
  const { result, view, capture } = state;
  if (result === null) return NO_HITS;
  const barMode = view.bar === null ? null : state.barMode;
  const bar = barMode === null ? null : view.bar;
  const own = view.ownSentence || capture === null ? null : ownHits(result, capture.text);
  if (bar === null && own === null) return result.hits;
  const kept = filtered.get(result);
  if (kept !== undefined && kept.bar === bar && kept.barMode === barMode && kept.own === own) return kept.hits;
  const hits = result.hits.filter(
    (hit) => own?.has(hit) !== true && (bar === null || barMode === null || matchesBar(hit, bar, barMode)),
  );
  filtered.set(result, { bar, barMode, own, hits });
  return hits;
}

export function lineOf(hit: Hit): string {
  const { start, end } = hit.range;
  const isEmpty = start.line === end.line && start.character === end.character;
  // a file of bytes (Parquet) has rows, but no lines: its matches have no extent
  if (isEmpty && typeof hit.record === "number") return `row ${hit.record + 1}`;
  const line = start.line + 1;
  return hit.cell === null || hit.cell === undefined ? String(line) : `cell ${hit.cell + 1}:${line}`;
}
