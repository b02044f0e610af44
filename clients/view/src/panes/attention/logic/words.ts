/** From sub-words to words: attention is summed over the keys of a word and averaged over its queries. */
import type { LayerAttention } from "./attention";

/** One row of the picture: a token, or the tokens of one word. `tokens` are indices, never empty. */
export interface Group {
  readonly tokens: readonly number[];
}

interface Wordly {
  readonly word?: number | null;
  readonly isSpecial: boolean;
  readonly segment: number;
}

export function eachTokenAlone(n: number): Group[] {
  return Array.from({ length: n }, (_, i) => ({ tokens: [i] }));
}

/** Neighbors with the same word and segment make one group; special and unannotated tokens stand alone. */
export function groupByWord(tokens: readonly Wordly[]): Group[] {
  const groups: { tokens: number[] }[] = [];
  tokens.forEach((token, i) => {
    const before = i > 0 ? tokens[i - 1] : null;
    const joins =
      before !== null &&
      typeof token.word === "number" &&
      token.word === before.word &&
      token.segment === before.segment &&
      !token.isSpecial &&
      !before.isSpecial;
    if (joins) groups[groups.length - 1].tokens.push(i);
    else groups.push({ tokens: [i] });
  });
  return groups;
}

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

/** The group that holds a token; -1 if none does. */
export function groupOf(groups: readonly Group[], token: number): number {
  // where every token stands alone, no search is needed
  if (groups[token]?.tokens.length === 1 && groups[token].tokens[0] === token) return token;
  return groups.findIndex((group) => group.tokens.includes(token));
}
