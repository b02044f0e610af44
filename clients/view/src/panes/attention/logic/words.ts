/** From sub-words to words: attention is summed over the keys of a word and averaged over its queries. */
import type { Group } from "../../../logic/units";
import type { LayerAttention } from "./attention";

/** Sum over the keys of a group, mean over its queries: rows that summed to 1 still do. */
export function aggregate(layer: LayerAttention, queries: readonly Group[], keys: readonly Group[]): LayerAttention {
  if (queries.length === layer.nQueries && keys.length === layer.nKeys) return layer;
  const keyGroup = new Int32Array(layer.nKeys);
  keys.forEach((group, g) => {
    for (const token of group.tokens) keyGroup[token] = g;
  });
  const nHeads = layer.heads.length;
  const values = new Float32Array(nHeads * queries.length * keys.length);
  for (let h = 0; h < nHeads; h++) {
    queries.forEach((group, g) => {
      const into = (h * queries.length + g) * keys.length;
      const share = 1 / group.tokens.length;
      for (const query of group.tokens) {
        const base = (h * layer.nQueries + query) * layer.nKeys;
        for (let k = 0; k < layer.nKeys; k++) values[into + keyGroup[k]] += layer.values[base + k] * share;
      }
    });
  }
  return { heads: layer.heads, nQueries: queries.length, nKeys: keys.length, values };
}
