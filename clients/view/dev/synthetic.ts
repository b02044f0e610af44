/** Made-up answers of the right shape, seeded: for the dev page and for tests that need no model. */
import type {
  AttendParams,
  AttendResult,
  ChatMessage,
  DecoderToken,
  ModelDescription,
  Prediction,
  Tensor,
  Token,
} from "../src/protocol";
import { random } from "./random";

export interface Synthetic {
  readonly kind: ModelDescription["kind"];
  readonly nLayers: number;
  readonly nHeads: number;
  readonly hasLmHead: boolean;
  readonly maskToken: string | null;
  /** Layers that attend; absent: all. */
  readonly attentionLayers?: readonly number[];
  /** What a reader of the weights must know. */
  readonly notes?: readonly string[];
  /** What a reader of the contexts must know. */
  readonly searchNote?: string;
}

export const MINI: Synthetic = { kind: "bidirectional", nLayers: 6, nHeads: 12, hasLmHead: false, maskToken: "[MASK]" };

export function describeModel(made: Synthetic): ModelDescription {
  return {
    id:
      made.kind === "bidirectional" ? "all-MiniLM-L6-v2" : made.kind === "autoregressive" ? "SmolLM2-135M" : "tiny-t5",
    architecture:
      made.kind === "bidirectional"
        ? "BertModel"
        : made.kind === "autoregressive"
          ? "LlamaForCausalLM"
          : "T5ForConditionalGeneration",
    kind: made.kind,
    nLayers: made.nLayers,
    nHeads: made.nHeads,
    nKvHeads: made.nHeads,
    hiddenSize: 384,
    headSize: 32,
    maxTokens: 512,
    hasLmHead: made.hasLmHead,
    maskToken: made.maskToken,
    fingerprint: "synthetic",
    device: "cpu",
    nDecoderLayers: made.kind === "encoderDecoder" ? made.nLayers : null,
    attentionLayers: [...(made.attentionLayers ?? Array.from({ length: made.nLayers }, (_, i) => i))],
    headSizes: null,
    hiddenSizes: null,
    attentionsPerLayer: 1,
    hiddenStateView: null,
    dtype: "float32",
    quantization: null,
    unusedWeights: [],
  };
}

const POS: Readonly<Record<string, string>> = {
  the: "DET",
  a: "DET",
  girl: "NOUN",
  ran: "VERB",
  to: "PART",
  local: "ADJ",
  pub: "NOUN",
  escape: "VERB",
  din: "NOUN",
  of: "ADP",
  her: "PRON",
  city: "NOUN",
  she: "PRON",
  was: "AUX",
  late: "ADJ",
  and: "CCONJ",
  nobody: "PRON",
  knew: "VERB",
};

function annotate(word: string): Pick<Token, "pos" | "tag" | "dep" | "lemma" | "entity"> {
  const lower = word.toLowerCase();
  const pos = POS[lower] ?? (/^\W+$/.test(word) ? "PUNCT" : lower.endsWith("ing") ? "VERB" : "NOUN");
  const dep =
    { DET: "det", NOUN: "pobj", VERB: "ROOT", PART: "aux", ADJ: "amod", ADP: "prep", PRON: "nsubj", PUNCT: "punct" }[
      pos
    ] ?? "dep";
  return { pos, tag: pos.slice(0, 2), dep, lemma: lower, entity: null };
}

function special(token: string, segment: number, at: number): Omit<Token, "index"> {
  return {
    id: 101,
    token,
    text: "",
    start: at,
    end: at,
    segment,
    isSpecial: true,
    isMasked: false,
    pos: null,
    tag: null,
    dep: null,
    lemma: null,
    syntacticHead: null,
    entity: null,
    word: null,
    sentence: null,
    predictions: null,
    message: null,
    generated: false,
  };
}

/** Words and punctuation; words of more than eight letters are cut in two, as sub-word models do. */
function words(text: string, segment: number): Omit<Token, "index">[] {
  const out: Omit<Token, "index">[] = [];
  let word = 0;
  for (const found of text.matchAll(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}]/gu)) {
    const whole = found[0];
    const parts = whole.length > 8 ? [whole.slice(0, 4), whole.slice(4)] : [whole];
    let start = found.index;
    parts.forEach((part, i) => {
      out.push({
        id: 1000 + ((part.charCodeAt(0) * 31 + part.length) % 9000),
        token: i === 0 ? part.toLowerCase() : `##${part}`,
        text: part,
        start,
        end: start + part.length,
        segment,
        isSpecial: false,
        isMasked: false,
        ...annotate(whole),
        syntacticHead: null,
        word,
        sentence: 0,
        predictions: null,
        message: null,
        generated: false,
      });
      start += part.length;
    });
    word++;
  }
  return out;
}

function predictions(token: string, next: () => number): Prediction[] {
  const pool = [token, "the", "it", "leave", "avoid", "hear", "forget", "see"];
  const weights = pool.map(() => next() ** 3);
  const total = weights.reduce((a, b) => a + b, 0) * 1.3;
  return pool
    .map((text, i) => ({ token: text, id: 2000 + i, probability: weights[i] / total }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 5);
}

export function tokenize(made: Synthetic, text: string, pair: string | null, mask: readonly number[]): Token[] {
  const bare = made.kind === "autoregressive";
  const body = words(text, 0);
  const list = bare ? body : [special("[CLS]", 0, 0), ...body, special("[SEP]", 0, text.length)];
  if (pair !== null && !bare) list.push(...words(pair, 1), special("[SEP]", 1, pair.length));
  const next = random(text.length);
  return list.map((token, index) => ({
    ...token,
    index,
    isMasked: mask.includes(index),
    token: mask.includes(index) ? (made.maskToken ?? token.token) : token.token,
    predictions: made.hasLmHead ? predictions(token.text, next) : null,
  }));
}

/** What a head likes: itself, the token before or after, a delimiter, or a mixture. */
function affinity(style: number, q: number, k: number, n: number, noise: number): number {
  const distance = k - q;
  switch (style % 6) {
    case 0:
      return distance === -1 ? 6 : noise;
    case 1:
      return distance === 0 ? 4 : distance === 1 ? 2 : noise;
    case 2:
      return k === 0 ? 5 : noise;
    case 3:
      return k === n - 1 ? 4 : 2 * noise;
    case 4:
      return -0.4 * Math.abs(distance) + 2 * noise;
    default:
      return 3.5 * noise;
  }
}

/** Float32 `[head][query][key]` of some heads of one layer; rows sum to 1. */
export function layerValues(
  layer: number,
  nHeads: number,
  nQueries: number,
  nKeys: number,
  causal: boolean,
  heads: readonly number[] = Array.from({ length: nHeads }, (_, i) => i),
): Float32Array {
  const out = new Float32Array(heads.length * nQueries * nKeys);
  heads.forEach((h, place) => {
    const style = layer === 2 && h === 11 ? 0 : (layer * 7 + h * 5) % 11;
    const next = random(1 + layer * 131 + h * 17);
    for (let q = 0; q < nQueries; q++) {
      const base = (place * nQueries + q) * nKeys;
      let total = 0;
      for (let k = 0; k < nKeys; k++) {
        const value = causal && k > q ? 0 : Math.exp(affinity(style, q, k, nKeys, next()));
        out[base + k] = value;
        total += value;
      }
      for (let k = 0; k < nKeys; k++) out[base + k] /= total;
    }
  });
  return out;
}

/** By the browser where it can: what this takes would count as the view's time in the browser tests. */
function toBase64(bytes: Uint8Array & { toBase64?(): string }): string {
  if (bytes.toBase64 !== undefined) return bytes.toBase64();
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}

/** Packs as float32 or uint8 base64; float16 is answered with float32, which the view decodes as well. */
export function packTensor(values: Float32Array, shape: number[], form: AttendParams["tensors"]): Tensor {
  if (form === "uint8") {
    const bytes = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) bytes[i] = 255 * values[i] + 0.5;
    return { dtype: "uint8", shape, encoding: "base64", data: toBase64(bytes) };
  }
  return { dtype: "float32", shape, encoding: "base64", data: toBase64(new Uint8Array(values.buffer)) };
}

/** Multiplies each column by a factor and divides rows by their sums. */
function reweighted(values: Float32Array, factors: readonly number[]): Float32Array {
  const n = factors.length;
  const out = values.map((value, i) => value * factors[i % n]);
  for (let row = 0; row < out.length; row += n) {
    const total = out.subarray(row, row + n).reduce((a, b) => a + b, 0);
    for (let k = row; k < row + n; k++) out[k] /= total || 1;
  }
  return out;
}

/** One layer of self-attention of a pass: masked tokens are looked at less, and behind heads that are off all shifts. */
export function passValues(held: SyntheticCapture, layer: number): Float32Array {
  const { made, tokens, off } = held;
  const n = tokens.length;
  const values = layerValues(layer, made.nHeads, n, n, made.kind === "autoregressive");
  const behind = off.filter((one) => one.layer < layer).length;
  const factors = tokens.map(({ isMasked }, k) => (isMasked ? 0.4 : 1) * (1 + (behind * ((k * 7) % 5)) / 12));
  return factors.every((one) => one === 1) ? values : reweighted(values, factors);
}

function stack(
  layers: readonly number[],
  axes: readonly [nHeads: number, nQueries: number, nKeys: number],
  valuesOf: (layer: number) => Float32Array,
  form: AttendParams["tensors"],
): Tensor {
  const size = axes[0] * axes[1] * axes[2];
  const values = new Float32Array(layers.length * size);
  layers.forEach((layer, i) => values.set(valuesOf(layer), i * size));
  return packTensor(values, [layers.length, ...axes], form);
}

/** Keeps the heads that were asked for. */
function someHeads(values: Float32Array, nHeads: number, heads: readonly number[]): Float32Array {
  const size = values.length / nHeads;
  const out = new Float32Array(heads.length * size);
  heads.forEach((head, i) => out.set(values.subarray(head * size, (head + 1) * size), i * size));
  return out;
}

/** The made-up model ends its text behind so many words. */
const LONGEST_ANSWER = 20;

/** Contents of messages between control tokens, as a chat template puts them. */
function chat(made: Synthetic, messages: readonly ChatMessage[]): Token[] {
  const list = messages.flatMap(({ role, content }, message) => [
    special(`<${role}>`, 0, 0),
    ...words(content, 0).map((token) => ({ ...token, message })),
  ]);
  const next = random(list.length);
  return list.map((token, index) => ({
    ...token,
    index,
    predictions: made.hasLmHead ? predictions(token.text, next) : null,
  }));
}

/** The tokens with words behind them that the model wrote. */
function continued(tokens: readonly Token[], n: number): Token[] {
  const like = tokens.findLast((token) => !token.isSpecial) ?? tokens[0];
  const written = Array.from({ length: Math.min(n, LONGEST_ANSWER) }, (_, i) => ({
    ...like,
    index: tokens.length + i,
    text: ` word${i}`,
    token: `word${i}`,
    message: null,
    generated: true,
  }));
  return [...tokens, ...written];
}

export interface SyntheticCapture {
  readonly made: Synthetic;
  readonly tokens: Token[];
  readonly decoderTokens: Token[] | null;
  readonly text: string;
  readonly messages: ChatMessage[] | null;
  readonly id: string;
  /** Heads that are off. */
  readonly off: readonly { readonly layer: number; readonly head: number }[];
}

export function capture(made: Synthetic, params: AttendParams, id: string): SyntheticCapture {
  const text = params.text ?? "";
  const decoderText = params.textPair ?? text;
  const encoderOnly = made.kind !== "encoderDecoder";
  const messages = params.messages ?? null;
  const read =
    messages === null
      ? tokenize(made, text, encoderOnly ? (params.textPair ?? null) : null, params.mask ?? [])
      : chat(made, messages);
  return {
    made,
    messages,
    tokens: continued(read, params.generate ?? 0),
    decoderTokens: encoderOnly ? null : tokenize({ ...made, kind: "autoregressive" }, decoderText, null, []),
    text,
    id,
    off: [],
  };
}

/** Each token with the one behind it, which its position predicts. */
function expecting(tokens: readonly Token[]): DecoderToken[] {
  const named = tokens.map(({ token, id }) => ({ token, id }));
  return tokens.map((token, i) => ({ ...token, expected: named[i + 1] ?? null }));
}

export function attend(held: SyntheticCapture, params: AttendParams): AttendResult {
  const { made, tokens, decoderTokens } = held;
  const layers = params.layers ?? describeModel(made).attentionLayers ?? [];
  const n = tokens.length;
  const m = decoderTokens?.length ?? 0;
  const form = params.tensors;
  const heads = params.heads ?? Array.from({ length: made.nHeads }, (_, i) => i);
  // special tokens and the first one hand over little
  const norms = tokens.map(({ isSpecial }, i) => (isSpecial || i === 0 ? 0.1 : 1));
  const plain = held.off.length === 0 && params.weights !== "valueNorm" && !tokens.some(({ isMasked }) => isMasked);
  const own = (layer: number) => {
    if (plain) return layerValues(layer, made.nHeads, n, n, made.kind === "autoregressive", heads);
    const values = passValues(held, layer);
    return someHeads(params.weights === "valueNorm" ? reweighted(values, norms) : values, made.nHeads, heads);
  };
  const decoder = (shift: number, nKeys: number, causal: boolean) =>
    stack(
      layers,
      [heads.length, m, nKeys],
      (l) => someHeads(layerValues(l + shift, made.nHeads, m, nKeys, causal), made.nHeads, heads),
      form,
    );
  return {
    captureId: held.id,
    model: describeModel(made),
    tokens,
    attention: stack(layers, [heads.length, n, n], own, form),
    layers: [...layers],
    heads: [...heads],
    text: held.text,
    decoderTokens: decoderTokens && expecting(decoderTokens),
    decoderAttention: decoderTokens === null ? null : decoder(0, m, true),
    crossAttention: decoderTokens === null ? null : decoder(40, n, false),
    decoderLayers: decoderTokens === null ? null : [...layers],
    notes: [...(made.notes ?? [])],
    messages: held.messages,
    annotationsPending: false,
  };
}
