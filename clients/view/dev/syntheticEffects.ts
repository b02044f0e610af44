/** Made-up effects and parts of heads, seeded: one head matters, the parts add up. */
import type {
  AblateHeadsParams,
  AblateHeadsResult,
  DecomposeParams,
  DecomposeResult,
  ModelDescription,
  Part,
  Prediction,
} from "../src/protocol";
import { random } from "./random";

const PIECES = [" Paris", " the", " a", " located", " one", " Lyon", " known"];

function top(seed: number, count: number): Prediction[] {
  const next = random(seed);
  const weights = PIECES.map((_, i) => next() / (1 + i));
  const total = weights.reduce((a, b) => a + b, 0) * 1.4;
  return PIECES.map((token, i) => ({ token, id: 300 + i, probability: weights[i] / total }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

function headsOf(model: ModelDescription) {
  return Array.from({ length: model.nLayers * model.nHeads }, (_, i) => ({
    layer: Math.floor(i / model.nHeads),
    head: i % model.nHeads,
  }));
}

export function ablateHeads(params: AblateHeadsParams, model: ModelDescription, token: number): AblateHeadsResult {
  const predicts = model.hasLmHead && typeof params.against !== "string";
  const base = predicts ? -1.214 : typeof params.against === "string" ? 0.65 : 1;
  const next = random(params.mode === "zero" ? 12 : 11);
  const scale = predicts ? 0.15 : 0.02;
  const k = params.topK ?? 1;
  return {
    mode: params.mode ?? "mean",
    measure: predicts ? "logProbability" : "cosine",
    base,
    model,
    target: predicts ? { token: params.target?.token ?? token, id: 300, piece: PIECES[0] } : null,
    baseTop: predicts ? top(1, k) : null,
    captureId: null,
    effects: headsOf(model).map(({ layer, head }) => {
      const matters = layer === model.nLayers - 2 && head === 3;
      const delta = (matters ? -8 : next() - 0.5) * scale * (params.against === undefined && !predicts ? -1 : 1);
      return {
        layer,
        head,
        value: base + delta,
        delta,
        klDivergence: predicts ? 0.3 * Math.abs(delta) : null,
        top: predicts ? top(matters ? 5 : 1, k) : null,
      };
    }),
  };
}

/** Made-up pairs `[n, m]` that add up to `total`: words at like places are most alike. */
function pairsOf(n: number, m: number, total: number) {
  const next = random(33);
  const raw = Array.from({ length: n }, (_, i) =>
    Array.from({ length: m }, (_, j) => (i === j ? 1.5 : 0) + next() - 0.35),
  );
  const sum = raw.flat().reduce((a, b) => a + b, 0);
  const data = raw.map((row) => row.map((value) => (value * total) / sum));
  return { dtype: "float32" as const, shape: [n, m], encoding: "list" as const, data };
}

export function decompose(
  params: DecomposeParams,
  model: ModelDescription,
  token: number,
  against: number | null = null,
): DecomposeResult {
  const next = random(21);
  const layers = Array.from({ length: model.nLayers }, (_, layer) => layer);
  const parts: Part[] = [
    { kind: "embedding", layer: null, head: null, value: 0.4 },
    ...headsOf(model).map(({ layer, head }): Part => {
      const matters = layer === model.nLayers - 2 && head === 3;
      return { kind: "head", layer, head, value: matters ? 2.41 : 0.2 * (next() - 0.45) };
    }),
    ...layers.map((layer): Part => ({ kind: "mlp", layer, head: null, value: 3 * (next() - 0.35) })),
    { kind: "bias", layer: null, head: null, value: -0.1 },
  ];
  const residual = 2e-6;
  const predicts = model.hasLmHead && typeof params.against !== "string";
  const total = parts.reduce((sum, { value }) => sum + value, residual);
  return {
    measure: predicts ? "logit" : "cosine",
    total,
    residual,
    parts,
    model,
    target: predicts ? { token: params.token ?? token, id: 300, piece: PIECES[0] } : null,
    contrast: null,
    tokenPairs: against === null ? null : pairsOf(token + 1, against, total),
    lens: predicts
      ? [...layers, model.nLayers].map((hiddenLayer) => ({
          hiddenLayer,
          top: top(hiddenLayer, params.topK ?? 3),
          targetRank: Math.max(1, 900 - 60 * hiddenLayer),
          targetProbability: 0.3 * (hiddenLayer / model.nLayers) ** 4,
        }))
      : [],
  };
}
