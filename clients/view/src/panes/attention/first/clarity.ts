/**
 * Which head has the clearest pattern: the one with the least entropy among the heads that attend to words.
 *
 * A head rests where most of its attention goes to special tokens, to the first token of a model that has none, or to
 * the token itself. What is left of a row is divided by its sum; its entropy is relative to an even spread.
 */
import type { HeadProfile } from "../../../protocol";
import type { HeadAt } from "../../../state";
import type { LayerAttention } from "../logic/attention";

/** How clear the pattern of one head is. */
export interface Clarity extends HeadAt {
  /** 0..1: mean share of a row that rests. */
  readonly rest: number;
  /** 0..1: mean entropy of the remainder of a row; 0 is a single token, 1 all tokens alike. */
  readonly entropy: number;
}

interface Plain {
  readonly isSpecial: boolean;
}

const MOST_REST = 0.5;
/** Rows with fewer targets say little: the first rows of a model that reads from left to right. */
const LEAST_TARGETS = 3;

/** The clarity of each head of a layer, over the rows of `tokens` that have enough targets. Self-attention only. */
export function claritiesOf(
  layer: number,
  attention: LayerAttention,
  tokens: readonly Plain[],
  causal: boolean,
): Clarity[] {
  const some = tokens.some(({ isSpecial }) => isSpecial);
  const rests = tokens.map(({ isSpecial }, i) => isSpecial || (!some && i === 0));
  return attention.heads.map((head, position) => ({ layer, head, ...clarityOf(attention, position, rests, causal) }));
}

function clarityOf(
  { nQueries, nKeys, values }: LayerAttention,
  head: number,
  rests: readonly boolean[],
  causal: boolean,
) {
  let rest = 0;
  let entropy = 0;
  let rows = 0;
  for (let q = 0; q < nQueries; q++) {
    if (rests[q]) continue;
    const at = (head * nQueries + q) * nKeys;
    const row = rowOf(values.subarray(at, at + (causal ? q + 1 : nKeys)), q, rests);
    if (row === null) continue;
    rest += row.rest;
    entropy += row.entropy;
    rows++;
  }
  return rows === 0 ? { rest: 1, entropy: 1 } : { rest: rest / rows, entropy: entropy / rows };
}

/** The part of a row that the model can see; null where that has too few targets. */
function rowOf(row: Float32Array, q: number, rests: readonly boolean[]): Pick<Clarity, "rest" | "entropy"> | null {
  let total = 0;
  let sum = 0;
  let targets = 0;
  for (let k = 0; k < row.length; k++) {
    total += row[k];
    if (rests[k] || k === q) continue;
    targets++;
    sum += row[k];
  }
  if (targets < LEAST_TARGETS || total <= 0) return null;
  if (sum <= 0) return { rest: 1, entropy: 1 };
  let entropy = 0;
  for (let k = 0; k < row.length; k++)
    if (!rests[k] && k !== q && row[k] > 0) entropy -= (row[k] / sum) * Math.log(row[k] / sum);
  return { rest: 1 - sum / total, entropy: entropy / Math.log(targets) };
}

/** The same of heads as a corpus shows them. */
export function claritiesIn(profiles: readonly HeadProfile[]): Clarity[] {
  return profiles.map(({ layer, head, entropy, special, firstToken, offsets }) => {
    const itself = offsets.find(({ offset }) => offset === 0)?.mass ?? 0;
    // the first token may be a special one
    return { layer, head, entropy, rest: Math.max(special, firstToken) + itself };
  });
}

/** The head to begin with; where all rest, the one that rests least. null without heads. */
export function clearest(heads: readonly Clarity[]): Clarity | null {
  const awake = heads.filter(({ rest }) => rest <= MOST_REST);
  if (awake.length > 0) return awake.reduce((a, b) => (b.entropy < a.entropy ? b : a));
  return heads.length === 0 ? null : heads.reduce((a, b) => (b.rest < a.rest ? b : a));
}
