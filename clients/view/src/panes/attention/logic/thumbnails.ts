/** Small pictures of heads: the strongest weight in each cell of a coarse grid, so that lines survive. */
import type { LayerAttention, Masks } from "./attention";

/** Max-pooled pictures of one layer's heads, with and without special tokens. */
export interface Thumbnails {
  readonly heads: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** `[head][row][column]` */
  readonly all: Float32Array;
  readonly plain: Float32Array;
}

/** `[head][size][size]`, 0..1, max-pooled; masked rows and columns count as zero. */
export function poolHeads(layer: LayerAttention, size: number, masks: Masks): Float32Array {
  const { nQueries, nKeys, values } = layer;
  const nHeads = layer.heads.length;
  const rows = Math.min(size, nQueries);
  const columns = Math.min(size, nKeys);
  const out = new Float32Array(nHeads * rows * columns);
  const columnOf = Int32Array.from({ length: nKeys }, (_, k) => Math.floor((k * columns) / nKeys));
  for (let h = 0; h < nHeads; h++) {
    for (let q = 0; q < nQueries; q++) {
      if (!masks.rows[q]) continue;
      const into = (h * rows + Math.floor((q * rows) / nQueries)) * columns;
      const base = (h * nQueries + q) * nKeys;
      for (let k = 0; k < nKeys; k++) {
        if (!masks.columns[k]) continue;
        const cell = into + columnOf[k];
        if (values[base + k] > out[cell]) out[cell] = values[base + k];
      }
    }
  }
  return out;
}

/** The grid that `poolHeads` fills. */
export function pooledShape(layer: LayerAttention, size: number): { rows: number; columns: number } {
  return { rows: Math.min(size, layer.nQueries), columns: Math.min(size, layer.nKeys) };
}
