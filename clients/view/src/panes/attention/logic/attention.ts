/**
 * The attention picture's numbers, from one layer `[head][query][key]`.
 *
 * 1. Masks zero rows and columns (special tokens, segments); nothing is renormalized.
 * 2. Chosen heads are combined by mean or sum.
 * 3. Top X %: in each row, edges in descending order until their running total reaches X % of what
 *    remains in the row; the edge that crosses the line is included (exBERT, arXiv 1910.05276).
 * 4. Head matrices: mean of what a token gives (left) or gets (right) for each head; with a token
 *    chosen on one side, the other side shows its weights alone.
 */

/** One layer's attention. `heads` names axis 0; `values` is `[head][query][key]`. */
export interface LayerAttention {
  readonly heads: readonly number[];
  readonly nQueries: number;
  readonly nKeys: number;
  readonly values: Float32Array;
}

/** 1 keeps a row or column, 0 zeroes it. */
export interface Masks {
  readonly rows: Uint8Array;
  readonly columns: Uint8Array;
}

export type Combine = "mean" | "sum";

/** Edges by row, then by key. */
export interface Edges {
  readonly count: number;
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly weight: Float32Array;
  readonly maxWeight: number;
}

export function keepAll(nQueries: number, nKeys: number): Masks {
  return { rows: new Uint8Array(nQueries).fill(1), columns: new Uint8Array(nKeys).fill(1) };
}

/** `[query][key]`: mean or sum over the heads at positions `chosen` of axis 0. No head gives zeros. */
export function combineHeads(
  layer: LayerAttention,
  chosen: readonly number[],
  how: Combine,
  masks: Masks,
): Float32Array {
  const { nQueries, nKeys, values } = layer;
  const out = new Float32Array(nQueries * nKeys);
  for (const head of chosen) {
    const base = head * nQueries * nKeys;
    for (let i = 0; i < out.length; i++) out[i] += values[base + i];
  }
  const scale = how === "mean" && chosen.length > 0 ? 1 / chosen.length : 1;
  for (let q = 0; q < nQueries; q++) {
    for (let k = 0; k < nKeys; k++) out[q * nKeys + k] *= masks.rows[q] && masks.columns[k] ? scale : 0;
  }
  return out;
}

/** Where a row is cut: everything above `threshold`, and the first `ties` that equal it. */
interface Cut {
  readonly threshold: number;
  readonly ties: number;
}

const NOTHING: Cut = { threshold: Number.POSITIVE_INFINITY, ties: 0 };
const BUCKETS = 256;

/**
 * Finds the cut of a row without sorting all of it: weights are counted into buckets by size, and only the bucket
 * that holds the cut is sorted. Buckets go by the fourth root, because most weights of a row are small and alike.
 */
class RowCutter {
  private readonly sums = new Float64Array(BUCKETS);
  private readonly bucketOf: Uint8Array;
  private readonly scratch: Float32Array;

  constructor(length: number) {
    this.bucketOf = new Uint8Array(length);
    this.scratch = new Float32Array(length);
  }

  cut(row: Float32Array, most: number, fraction: number): Cut {
    if (most <= 0 || fraction <= 0) return NOTHING;
    if (fraction >= 1) return { threshold: 0, ties: 0 };
    const { sums, bucketOf } = this;
    sums.fill(0);
    for (let k = 0; k < row.length; k++) {
      bucketOf[k] = (BUCKETS - 1) * Math.sqrt(Math.sqrt(row[k] / most));
      sums[bucketOf[k]] += row[k];
    }
    let total = 0;
    for (let b = BUCKETS - 1; b >= 0; b--) total += sums[b];
    const wanted = fraction * total;
    let running = 0;
    let bucket = BUCKETS - 1;
    while (bucket > 0 && running + sums[bucket] < wanted) running += sums[bucket--];
    return this.within(row, bucket, wanted, running);
  }

  private within(row: Float32Array, bucket: number, wanted: number, before: number): Cut {
    let n = 0;
    for (let k = 0; k < row.length; k++) if (this.bucketOf[k] === bucket) this.scratch[n++] = row[k];
    const ascending = this.scratch.subarray(0, n).sort();
    let running = before;
    let threshold = Number.POSITIVE_INFINITY;
    let ties = 0;
    for (let i = n - 1; i >= 0 && ascending[i] > 0; i--) {
      ties = ascending[i] === threshold ? ties + 1 : 1;
      threshold = ascending[i];
      running += ascending[i];
      if (running >= wanted) break;
    }
    return { threshold, ties };
  }
}

/**
 * The top `percent` (0..100) of each row. Among equal weights, the earlier key goes first.
 */
export function topEdges(matrix: Float32Array, nQueries: number, nKeys: number, percent: number): Edges {
  const source = new Int32Array(nQueries * nKeys);
  const target = new Int32Array(nQueries * nKeys);
  const weight = new Float32Array(nQueries * nKeys);
  const cutter = new RowCutter(nKeys);
  let count = 0;
  let maxWeight = 0;
  for (let q = 0; q < nQueries; q++) {
    const row = matrix.subarray(q * nKeys, (q + 1) * nKeys);
    let most = 0;
    for (let k = 0; k < nKeys; k++) if (row[k] > most) most = row[k];
    const found = cutter.cut(row, most, percent / 100);
    const { threshold } = found;
    let { ties } = found;
    for (let k = 0; k < nKeys; k++) {
      const value = row[k];
      if (value > threshold || (value === threshold && ties-- > 0)) {
        source[count] = q;
        target[count] = k;
        weight[count++] = value;
      }
    }
    if (percent > 0 && most > maxWeight) maxWeight = most;
  }
  return {
    count,
    source: source.subarray(0, count),
    target: target.subarray(0, count),
    weight: weight.subarray(0, count),
    maxWeight,
  };
}

/**
 * `[token][head]` of one side. `outgoing`: tokens are queries, mean over keys; `incoming`: tokens are
 * keys, mean over queries. `only` restricts to one token of the other side (its weight, no mean).
 */
export function headMatrix(
  layer: LayerAttention,
  side: "outgoing" | "incoming",
  masks: Masks,
  only: number | null = null,
): Float32Array {
  const { nQueries, nKeys, values, heads } = layer;
  const nHeads = heads.length;
  const nTokens = side === "outgoing" ? nQueries : nKeys;
  const out = new Float32Array(nTokens * nHeads);
  const sums = new Float64Array(nTokens);
  for (let h = 0; h < nHeads; h++) {
    sums.fill(0);
    const head = values.subarray(h * nQueries * nKeys, (h + 1) * nQueries * nKeys);
    if (side === "outgoing") sumRows(head, layer, masks, only, sums);
    else sumColumns(head, layer, masks, only, sums);
    for (let token = 0; token < nTokens; token++) out[token * nHeads + h] = sums[token];
  }
  const other = side === "outgoing" ? nKeys : nQueries;
  if (only === null) for (let i = 0; i < out.length; i++) out[i] /= other;
  return out;
}

type Shape = Pick<LayerAttention, "nQueries" | "nKeys">;

function sumRows(
  head: Float32Array,
  { nQueries, nKeys }: Shape,
  masks: Masks,
  only: number | null,
  sums: Float64Array,
): void {
  for (let q = 0; q < nQueries; q++) {
    if (!masks.rows[q]) continue;
    if (only !== null) {
      sums[q] = masks.columns[only] ? head[q * nKeys + only] : 0;
      continue;
    }
    let sum = 0;
    for (let k = 0; k < nKeys; k++) if (masks.columns[k]) sum += head[q * nKeys + k];
    sums[q] = sum;
  }
}

function sumColumns(
  head: Float32Array,
  { nQueries, nKeys }: Shape,
  masks: Masks,
  only: number | null,
  sums: Float64Array,
): void {
  for (let q = 0; q < nQueries; q++) {
    if (!masks.rows[q] || (only !== null && q !== only)) continue;
    for (let k = 0; k < nKeys; k++) sums[k] += head[q * nKeys + k];
  }
  for (let k = 0; k < nKeys; k++) if (!masks.columns[k]) sums[k] = 0;
}

/** The position on axis 0 of the chosen head that gives most to one edge; -1 when none is chosen. */
export function strongestHead(layer: LayerAttention, chosen: readonly number[], query: number, key: number): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (const head of chosen) {
    const value = layer.values[(head * layer.nQueries + query) * layer.nKeys + key];
    if (value > most) {
      most = value;
      best = head;
    }
  }
  return best;
}
