/** Fetches attention: the layer on show first, then all layers for the overview, of one forward pass. */
import { type AppState, type Capture, IDLE, layersOf, stacksOf, type Thumbnails } from "../../app";
import type { Host, HostError, TextInput } from "../../host";
import { type LayerAttention, keepAll, type Masks } from "./logic/attention";
import { Latest } from "../../logic/latest";
import { decodeTensor } from "../../logic/tensor";
import { poolHeads, pooledShape } from "./logic/thumbnails";
import { ERROR_CODES, type AttendParams, type AttendResult, type Tensor } from "../../protocol";
import type { Stack, ViewState } from "../../state";
import type { Store } from "../../store";

/** Below this many weights (64 MB as floats) all layers are kept, so that switching needs no request. */
const KEEP_ALL = 16_000_000;
/** Weights in one answer for the overview. */
const BATCH = 3_000_000;
const THUMBNAIL = 40;
/** Weights that are kept of a long text, whose layers are fetched one by one. */
const MOST_KEPT = 32_000_000;

export function asHostError(error: unknown): HostError {
  if (typeof error === "object" && error !== null && "message" in error) {
    const { message } = error as { message: unknown };
    const code = "code" in error && typeof error.code === "number" ? error.code : 0;
    const data = "data" in error ? (error.data as HostError["data"]) : undefined;
    return { code, message: String(message), data };
  }
  return { code: 0, message: String(error) };
}

/** Splits `[layer][head][query][key]` into layers. */
function layersIn(tensor: Tensor, layers: readonly number[], heads: readonly number[]): Map<number, LayerAttention> {
  const { shape, values } = decodeTensor(tensor);
  const [, nHeads, nQueries, nKeys] = shape;
  const size = nHeads * nQueries * nKeys;
  const axis = heads.length === nHeads ? heads : Array.from({ length: nHeads }, (_, i) => i);
  return new Map(
    layers.map((layer, i) => [layer, { heads: axis, nQueries, nKeys, values: values.subarray(i * size, (i + 1) * size) }]),
  );
}

export class AttentionLoader {
  private readonly main = new Latest();
  private readonly single = new Latest();
  private readonly background = new Latest();
  private layers = new Map<string, LayerAttention>();

  constructor(
    private readonly host: Host,
    private readonly store: Store<AppState>,
  ) {}

  cancel(): void {
    this.main.cancel();
    this.single.cancel();
    this.background.cancel();
    this.store.set({ attend: IDLE });
  }

  private params(input: TextInput, view: ViewState, layer: number): AttendParams {
    return {
      ...input,
      ...(view.model === null ? {} : { model: view.model }),
      ...(view.mask.length === 0 ? {} : { mask: [...view.mask] }),
      layers: [layer],
      topK: 5,
      tensors: "float16",
    };
  }

  /** Reads `input` anew. True when the picture now shows it. */
  async load(input: TextInput): Promise<boolean> {
    this.single.cancel();
    this.background.cancel();
    this.store.set({ attend: { phase: "busy", progress: null } });
    try {
      const outcome = await this.main.run((signal) => this.request(input, signal));
      if (outcome.kind === "superseded") return false;
      this.accept(outcome.value);
      return true;
    } catch (error) {
      this.store.set({ attend: { phase: "failed", error: asHostError(error) } });
      return false;
    }
  }

  private async request(input: TextInput, signal: AbortSignal): Promise<AttendResult> {
    const onProgress = (progress: { message?: string; percentage?: number }) => {
      if (!signal.aborted) this.store.set({ attend: { phase: "busy", progress } });
    };
    const view = this.store.get().view;
    const params = this.params(input, view, view.layer);
    const ask = (change: AttendParams) => this.host.request("attend", { ...params, ...change }, { signal, onProgress });
    try {
      return await ask({});
    } catch (error) {
      const { code } = asHostError(error);
      if (signal.aborted) throw error;
      // a shallower model than the last one: its first layer always exists, and tells how many there are
      if (code === ERROR_CODES.invalidParams && view.layer > 0) return ask({ layers: [0] });
      if (code === ERROR_CODES.answerTooLarge) return ask({ tensors: "uint8" });
      throw error;
    }
  }

  private accept(answer: AttendResult): void {
    const { captureId: id, model, tokens, decoderTokens, text, notes } = answer;
    const capture: Capture = { id, model, tokens, decoderTokens, text, notes };
    this.layers = new Map();
    this.keep(answer);
    const { view } = this.store.get();
    const stack: Stack = stacksOf(capture).includes(view.stack) ? view.stack : "encoder";
    const layer = Math.min(view.layer, layersOf(capture, stack) - 1);
    const heads = view.heads?.filter((head) => head < model.nHeads) ?? null;
    const hiddenLayer = view.hiddenLayer === null ? null : Math.min(view.hiddenLayer, model.nLayers);
    const shown = this.layers.get(`${stack}:${layer}`) ?? null;
    this.store.set({
      capture,
      attend: IDLE,
      layer: shown,
      layerShown: layer,
      hover: null,
      thumbnails: Array.from({ length: layersOf(capture, stack) }, () => null),
      view: { ...view, stack, layer, heads, hiddenLayer },
    });
    if (shown === null) void this.show();
    void this.overview();
  }

  private keep(answer: AttendResult): void {
    const decoderLayers = answer.decoderLayers ?? answer.layers;
    const parts: [Stack, Tensor | null, readonly number[]][] = [
      ["encoder", answer.attention, answer.layers],
      ["decoder", answer.decoderAttention, decoderLayers],
      ["cross", answer.crossAttention, decoderLayers],
    ];
    for (const [stack, tensor, layers] of parts) {
      if (tensor === null || tensor === undefined) continue;
      for (const [layer, attention] of layersIn(tensor, layers, answer.heads)) {
        this.layers.set(`${stack}:${layer}`, attention);
      }
    }
    let total = [...this.layers.values()].reduce((sum, layer) => sum + layer.values.length, 0);
    for (const [oldest, layer] of this.layers) {
      if (total <= MOST_KEPT || this.layers.size === 1) break;
      this.layers.delete(oldest);
      total -= layer.values.length;
    }
  }

  /** Puts `view.layer` on show: from memory, or by asking for it. */
  async show(): Promise<void> {
    const { view, capture } = this.store.get();
    if (capture === null) return;
    const held = this.layers.get(`${view.stack}:${view.layer}`);
    if (held !== undefined) {
      this.single.cancel();
      this.store.set({ layer: held, layerShown: view.layer, attend: IDLE });
      return;
    }
    this.store.set({ attend: { phase: "busy", progress: null } });
    try {
      const outcome = await this.single.run((signal) => this.one(capture, view.layer, signal));
      if (outcome.kind === "superseded") return;
      this.keep(outcome.value);
      const layer = this.layers.get(`${view.stack}:${view.layer}`) ?? null;
      this.store.set({ layer, layerShown: view.layer, attend: IDLE });
    } catch (error) {
      await this.failed(error);
    }
  }

  /** An expired capture is read anew; every other error is shown. */
  private async failed(error: unknown): Promise<void> {
    const { view } = this.store.get();
    const told = asHostError(error);
    if (told.code === ERROR_CODES.unknownHandle && view.input !== null) await this.load(view.input);
    else this.store.set({ attend: { phase: "failed", error: told } });
  }

  /** One layer; in bytes when the finer answer would be too large. */
  private async one(capture: Capture, layer: number, signal: AbortSignal): Promise<AttendResult> {
    try {
      return await this.more(capture, [layer], "float16", signal);
    } catch (error) {
      if (asHostError(error).code !== ERROR_CODES.answerTooLarge || signal.aborted) throw error;
      return this.more(capture, [layer], "uint8", signal);
    }
  }

  private more(capture: Capture, layers: number[], tensors: "float16" | "uint8", signal: AbortSignal): Promise<AttendResult> {
    return this.host.request("attend", { captureId: capture.id, layers, topK: 0, annotate: false, tensors }, { signal });
  }

  /** Fills the overview in the background; a failure leaves it empty, since the picture itself stands. */
  async overview(): Promise<void> {
    const { capture, view } = this.store.get();
    if (capture === null) return;
    try {
      await this.background.run((signal) => this.fill(capture, view.stack, signal));
    } catch (error) {
      this.store.set({ notice: `The overview of all heads is incomplete: ${asHostError(error).message}` });
    }
  }

  private async fill(capture: Capture, stack: Stack, signal: AbortSignal): Promise<void> {
    const nLayers = layersOf(capture, stack);
    const n = capture.tokens.length;
    const each = capture.model.nHeads * n * n;
    const keepAllLayers = each * nLayers <= KEEP_ALL;
    const missing: number[] = [];
    for (let layer = 0; layer < nLayers; layer++) {
      const held = this.layers.get(`${stack}:${layer}`);
      if (held === undefined) missing.push(layer);
      else this.thumbnail(capture, stack, layer, held);
    }
    const size = Math.max(1, Math.floor(BATCH / each));
    for (let at = 0; at < missing.length && !signal.aborted; at += size) {
      const answer = await this.more(capture, missing.slice(at, at + size), keepAllLayers ? "float16" : "uint8", signal);
      if (signal.aborted || this.store.get().capture !== capture) return;
      this.fromAnswer(capture, stack, answer, keepAllLayers);
    }
  }

  private fromAnswer(capture: Capture, stack: Stack, answer: AttendResult, keepThem: boolean): void {
    if (keepThem) this.keep(answer);
    const tensor = stack === "encoder" ? answer.attention : stack === "decoder" ? answer.decoderAttention : answer.crossAttention;
    const layers = stack === "encoder" ? answer.layers : (answer.decoderLayers ?? answer.layers);
    if (tensor === null) return;
    for (const [layer, attention] of layersIn(tensor, layers, answer.heads)) this.thumbnail(capture, stack, layer, attention);
  }

  private thumbnail(capture: Capture, stack: Stack, layer: number, attention: LayerAttention): void {
    const decoder = capture.decoderTokens ?? capture.tokens;
    const plainOf = (tokens: Capture["tokens"]) => Uint8Array.from(tokens, (token) => (token.isSpecial ? 0 : 1));
    const plain: Masks = {
      rows: plainOf(stack === "encoder" ? capture.tokens : decoder),
      columns: plainOf(stack === "decoder" ? decoder : capture.tokens),
    };
    const made: Thumbnails = {
      heads: attention.heads,
      ...pooledShape(attention, THUMBNAIL),
      all: poolHeads(attention, THUMBNAIL, keepAll(attention.nQueries, attention.nKeys)),
      plain: poolHeads(attention, THUMBNAIL, plain),
    };
    const thumbnails = [...this.store.get().thumbnails];
    thumbnails[layer] = made;
    this.store.set({ thumbnails });
  }
}
