/** The attention of the pinned token as shares of its text's characters, for the editor to color the text itself. */
import { type AppState, sides } from "../../../app";
import type { ColoredSpan, Coloring } from "../../../host";
import { proseOf, sourceRange } from "../../../logic/prose";
import { unitAt } from "../../../logic/units";
import type { Token } from "../../../protocol";
import type { LayerAttention } from "./attention";
import { chosenPositions } from "./picture";

type Shown = Pick<AppState, "capture" | "view" | "layer">;

/** What to color; null when no token of the text is pinned, or its attention is not there yet. */
export function coloringOf({ capture, view, layer }: Shown): Coloring | null {
  const { pinned, stack, heads } = view;
  if (capture === null || layer === null || pinned === null) return null;
  const { left, right } = sides(capture, stack);
  const [own, other] = pinned.side === "left" ? [left, right] : [right, left];
  const token = own[pinned.token];
  // a decoder's tokens stand in no document
  if (token === undefined || other !== capture.tokens) return null;
  const unit = unitAt(own, pinned.token, view.words).tokens;
  const weights = weightsOf(layer, pinned.side, unit, chosenPositions(layer.heads, heads));
  const spans = spansOf(other, weights, view.hideFirst);
  const isOfText = own === capture.tokens && isShown(token);
  const pinnedSpan = isOfText ? { start: own[unit[0]].start, end: own[unit[unit.length - 1]].end } : null;
  const coloring = { text: capture.text, pinned: pinnedSpan, spans };
  return view.source === null ? coloring : inSource(coloring, view.source);
}

/** The same in the Markdown that was read as prose: what the editor shows. Its own text stays as it is. */
function inSource(coloring: Coloring, source: string): Coloring {
  const prose = proseOf(source);
  if (prose.text !== coloring.text) return coloring;
  const placed = <T extends { start: number; end: number }>(span: T): T[] => {
    const range = sourceRange(prose, span.start, span.end);
    return range === null ? [] : [{ ...span, ...range }];
  };
  const [pinned = null] = coloring.pinned === null ? [] : placed(coloring.pinned);
  return { text: source, pinned, spans: coloring.spans.flatMap(placed) };
}

/**
 * Mean over heads of a row (of its queries, on the left) or a column; `heads` are positions on the head axis. Of several
 * tokens that count as one, rows are averaged and columns are summed, as in the picture.
 */
function weightsOf(
  layer: LayerAttention,
  side: "left" | "right",
  unit: readonly number[],
  heads: readonly number[],
): number[] {
  const { nQueries, nKeys, values } = layer;
  const share = 1 / (heads.length * (side === "left" ? unit.length : 1));
  const weights = new Array<number>(side === "left" ? nKeys : nQueries).fill(0);
  for (const head of heads)
    for (const at of unit)
      for (let i = 0; i < weights.length; i++) {
        const [query, key] = side === "left" ? [at, i] : [i, at];
        weights[i] += share * values[(head * nQueries + query) * nKeys + key];
      }
  return weights;
}

function isShown({ isSpecial, segment, start, end }: Token): boolean {
  return !isSpecial && segment === 0 && end > start;
}

function spansOf(tokens: readonly Token[], weights: readonly number[], hideFirst: boolean): ColoredSpan[] {
  const shown = tokens.filter((token, i) => isShown(token) && !(hideFirst && i === 0));
  const most = Math.max(0, ...shown.map(({ index }) => weights[index]));
  if (!(most > 0)) return [];
  return shown.map(({ start, end, index }) => ({ start, end, share: weights[index] / most }));
}
