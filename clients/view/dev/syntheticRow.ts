/** Made-up query and keys, seeded, whose softmax is a given attention row. */
import type { QueryKeyParams, QueryKeyResult } from "../src/protocol";
import { random } from "./random";

const SIZE = 32;
const SCALING = SIZE ** -0.5;

/** Keys are noise, moved along the query until their score is the logarithm of the weight. */
export function queryKeyOf(params: QueryKeyParams, weights: Float32Array): QueryKeyResult {
  const next = random(3 + 31 * params.layer + 7 * params.head + params.token);
  const noise = () => Array.from({ length: SIZE }, () => 3 * (next() - 0.5));
  const query = noise();
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, one, i) => sum + one * b[i], 0);
  const hidden = [...weights.keys()].filter((key) => weights[key] === 0);
  const keys = Array.from(weights, (weight) => {
    const key = noise();
    const wanted = Math.log(weight || 1) / SCALING;
    const step = (wanted - dot(query, key)) / dot(query, query);
    return key.map((one, i) => one + step * query[i]);
  });
  const { layer, head, token, stack } = params;
  return {
    layer,
    head,
    token,
    stack: stack ?? "encoder",
    query,
    keys: { dtype: "float32", shape: [weights.length, SIZE], encoding: "list", data: keys },
    scaling: SCALING,
    softcap: null,
    bias: Array(weights.length).fill(0),
    hidden,
    sink: null,
    weights: [...weights],
  };
}
