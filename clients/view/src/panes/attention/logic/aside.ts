/** Where attention goes that is about no word: special tokens, or the first token of a model that has none of them. */
import type { Group } from "../../../logic/units";
import type { LayerAttention } from "./attention";

export interface Aside {
  /** What the attention rests on. */
  readonly name: "special tokens" | "first token";
  /** One share (0..1) a row: the mean over the chosen heads. */
  readonly shares: Float32Array;
}

/** `chosen` are positions on the head axis; the layer's rows and columns are `queries` and `keys`. */
export function asideOf(
  layer: LayerAttention,
  chosen: readonly number[],
  keys: readonly Group[],
  tokens: readonly { readonly isSpecial: boolean }[],
): Aside {
  const isSpecial = keys.map((group) => tokens[group.tokens[0]]?.isSpecial === true);
  const some = isSpecial.includes(true);
  const columns = keys.map((_, i) => i).filter((i) => (some ? isSpecial[i] : i === 0));
  const { nQueries, nKeys, values } = layer;
  const shares = new Float32Array(nQueries);
  for (const head of chosen)
    for (let q = 0; q < nQueries; q++)
      for (const k of columns) shares[q] += values[(head * nQueries + q) * nKeys + k] / chosen.length;
  return { name: some ? "special tokens" : "first token", shares };
}

/** The strongest target of a row in each head, largest first. */
export interface HeadPeak {
  readonly head: number;
  readonly column: number;
  readonly weight: number;
}

export function headPeaks(layer: LayerAttention, row: number, keep: Uint8Array, count: number): HeadPeak[] {
  const { heads, nQueries, nKeys, values } = layer;
  const peaks = heads.map((head, h): HeadPeak => {
    const base = (h * nQueries + row) * nKeys;
    let column = -1;
    for (let k = 0; k < nKeys; k++) if (keep[k] && (column < 0 || values[base + k] > values[base + column])) column = k;
    return { head, column, weight: column < 0 ? 0 : values[base + column] };
  });
  return peaks
    .filter(({ column }) => column >= 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, count);
}
