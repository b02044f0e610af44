/** How two made-up passes differ, computed from their made-up attention. */
import type { HostError } from "../src/host";
import type { CompareCapturesResult } from "../src/protocol";
import { passValues, type SyntheticCapture } from "./synthetic";

/** Jensen-Shannon distance, base 2, of two distributions. */
export function distance(p: Float32Array, q: Float32Array): number {
  let sum = 0;
  p.forEach((a, i) => {
    const b = q[i];
    const middle = (a + b) / 2;
    if (a > 0) sum += (a / 2) * Math.log2(a / middle);
    if (b > 0) sum += (b / 2) * Math.log2(b / middle);
  });
  return Math.sqrt(Math.max(0, sum));
}

function refused(message: string): HostError {
  const hint = "compare passes over the same text; only masked tokens may differ";
  return { code: -32602, message: `captureIds: ${message}`, data: { kind: "invalidParams", hint } };
}

function checkSameTokens(a: SyntheticCapture, b: SyntheticCapture): void {
  if (a.tokens.length !== b.tokens.length)
    throw refused(`the captures have ${a.tokens.length} and ${b.tokens.length} tokens`);
  const at = a.tokens.findIndex((one, i) => one.text !== b.tokens[i].text);
  if (at >= 0) throw refused(`token ${at} differs: '${a.tokens[at].token}' and '${b.tokens[at].token}'`);
}

export function compareCaptures(a: SyntheticCapture, b: SyntheticCapture): CompareCapturesResult {
  checkSameTokens(a, b);
  const { nLayers, nHeads, hasLmHead } = a.made;
  const n = a.tokens.length;
  const layers = Array.from({ length: nLayers }, (_, layer) => [passValues(a, layer), passValues(b, layer)] as const);
  const heads = layers.flatMap(([first, second], layer) =>
    Array.from({ length: nHeads }, (_, head) => {
      const rows = Array.from({ length: n }, (_, q) => {
        const at = (head * n + q) * n;
        return distance(first.subarray(at, at + n), second.subarray(at, at + n));
      });
      return { layer, head, divergence: rows.reduce((x, y) => x + y, 0) / n };
    }),
  );
  const changed = (layer: number) => heads.some((one) => one.layer < layer && one.divergence > 0);
  const hiddenStates = Array.from({ length: nLayers + 1 }, (_, hiddenLayer) => ({
    hiddenLayer,
    cosine: a.tokens.map((token, i) => {
      const own = token.isMasked !== b.tokens[i].isMasked ? 0.4 : 0;
      return 1 - own - (changed(hiddenLayer) ? (0.02 * hiddenLayer * ((i * 5) % 7)) / 7 : 0);
    }),
  }));
  const different = heads.some(({ divergence }) => divergence > 0);
  const prediction = (token: string, id: number, probability: number) => ({ token, id, probability });
  return {
    heads,
    hiddenStates,
    predictions:
      hasLmHead && different
        ? [{ token: n - 1, before: prediction(" Paris", 300, 0.31), after: prediction(" Lyon", 305, 0.12) }]
        : [],
  };
}
