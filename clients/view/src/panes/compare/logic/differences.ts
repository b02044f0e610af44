/** What differs between two passes: edges of one head, cells of the maps, and the gist in sentences. */
import { type MapCell, sequential } from "../../../draw/headMap";
import type { Ink } from "../../../draw/ink";
import type { MatrixData } from "../../../draw/matrix";
import type { CompareCapturesResult, Token } from "../../../protocol";

/** B's attention less A's, from one token to another. */
export interface DifferenceEdge {
  readonly source: number;
  readonly target: number;
  readonly before: number;
  readonly after: number;
  readonly difference: number;
}

/** Smaller differences are not drawn, nor those below this share of the largest. */
const LEAST = 0.005;
const LEAST_SHARE = 0.05;
const MOST_EDGES = 160;

/** The largest differences of two matrices `[n][n]`, largest first. */
export function differenceEdges(before: Float32Array, after: Float32Array, n: number): DifferenceEdge[] {
  const edges: DifferenceEdge[] = [];
  for (let i = 0; i < n * n; i++) {
    const difference = after[i] - before[i];
    if (Math.abs(difference) >= LEAST)
      edges.push({ source: Math.floor(i / n), target: i % n, before: before[i], after: after[i], difference });
  }
  edges.sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  const least = LEAST_SHARE * Math.abs(edges[0]?.difference ?? 0);
  return edges.filter(({ difference }) => Math.abs(difference) >= least).slice(0, MOST_EDGES);
}

function called(token: Token): string {
  return token.isSpecial || token.isMasked ? token.token : token.text.trim() || token.token;
}

/** What stands at a place in both passes; one name where they agree. */
export function placeNames(before: readonly Token[], after: readonly Token[]): string[] {
  return after.map((token, i) => {
    const [a, b] = [called(before[i] ?? token), called(token)];
    return a === b ? b : `${a} / ${b}`;
  });
}

/** Divergences below this are written as nothing: rounding on the way differs in the last digits. */
const LEAST_WRITTEN = 0.005;

export function divergenceCells({ heads }: Pick<CompareCapturesResult, "heads">, ink: Ink): MapCell[] {
  const most = Math.max(1e-9, ...heads.map(({ divergence }) => divergence));
  return heads.map(({ layer, head, divergence }): MapCell => {
    const written = divergence >= LEAST_WRITTEN;
    return {
      layer,
      head,
      color: sequential(most < LEAST_WRITTEN ? 0 : divergence / most, ink),
      lines: written ? [divergence.toFixed(2)] : [],
      spoken: `distance ${divergence.toFixed(written ? 2 : 4)}`,
    };
  });
}

export function divergenceLegend({ heads }: Pick<CompareCapturesResult, "heads">): string {
  const most = Math.max(0, ...heads.map(({ divergence }) => divergence));
  return `Jensen–Shannon distance of a head's rows, mean over tokens: 0 the same, 1 nothing in common · full color ${most.toFixed(2)}`;
}

/** How far each hidden state turned: 1 less the cosine. */
export function turnMatrix(
  { hiddenStates }: Pick<CompareCapturesResult, "hiddenStates">,
  names: readonly string[],
  ink: Ink,
): MatrixData {
  const most = Math.max(1e-9, ...hiddenStates.flatMap(({ cosine }) => cosine.map((one) => 1 - one)));
  return {
    rowKind: "state",
    columnKind: "token",
    rowNames: hiddenStates.map(({ hiddenLayer }) => String(hiddenLayer)),
    columnNames: names,
    cells: hiddenStates.map(({ cosine }) =>
      cosine.map((one) => ({
        value: one,
        color: sequential(most < 1e-4 ? 0 : (1 - one) / most, ink),
        text: "",
        spoken: `cosine ${one.toFixed(3)}`,
      })),
    ),
  };
}

export function turnLegend({ hiddenStates }: Pick<CompareCapturesResult, "hiddenStates">): string {
  const least = Math.min(1, ...hiddenStates.flatMap(({ cosine }) => cosine));
  return `rows are hidden states, 0 is the embedding · no color: the same direction in both, full color: cosine ${least.toFixed(2)}`;
}

const RANKED = (a: { divergence: number }, b: { divergence: number }) => b.divergence - a.divergence;

/** The gist, most important first. */
export function differenceSentences(comparison: CompareCapturesResult, names: readonly string[]): string[] {
  const [first, second] = [...comparison.heads].sort(RANKED);
  if (first === undefined || first.divergence < LEAST_WRITTEN)
    return ["No head's attention differs by more than rounding."];
  const said = [`Head ${first.layer}.${first.head} changes most: distance ${first.divergence.toFixed(3)}`];
  if (second !== undefined) said[0] += `, then ${second.layer}.${second.head} with ${second.divergence.toFixed(3)}`;
  said[0] += ".";
  const last = comparison.hiddenStates.at(-1);
  if (last !== undefined && last.cosine.length > 0) {
    const least = Math.min(...last.cosine);
    const at = names[last.cosine.indexOf(least)] ?? "";
    said.push(`The last hidden state turns most at “${at}”: cosine ${least.toFixed(2)}.`);
  }
  const n = comparison.predictions.length;
  if (n > 0) said.push(`The likeliest token changes at ${n} of ${names.length} places.`);
  return said;
}
