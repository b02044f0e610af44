/** Fetches attention of the capture: the layer on show, then all layers for the overview. */
import { type AppState, attentionLayersOf, type Capture, IDLE, isSamePass, layersOf, sides } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import * as format from "../../logic/format";
import { Latest } from "../../logic/latest";
import { decodeTensor } from "../../logic/tensor";
import type { PanePart } from "../../pane";
import { type AttendResult, ERROR_CODES, type Tensor } from "../../protocol";
import type { Stack, ViewState } from "../../state";
import { TextColors } from "./colors";
import { EXAMPLE, exampleToken, tryExample } from "./first/example";
import { FirstLook } from "./first/firstLook";
import { keepAll, type LayerAttention, type Masks } from "./logic/attention";
import { pooledShape, poolHeads, type Thumbnails } from "./logic/thumbnails";
import { fitsOneAnswer, hasOverview, headsToHold, inParts, lacks, tensorOf } from "./parts";
import { QueryKeyReader } from "./queryKey/reader";
import type { Weights } from "./state";

/** Below this many weights (64 MB as floats) all layers are kept, so that switching needs no request. */
const KEEP_ALL = 16_000_000;
/** Weights in one answer for the overview. */
const BATCH = 3_000_000;
const THUMBNAIL = 40;
/** Weights that are kept of a long text, whose layers are fetched one by one. */
const MOST_KEPT = 32_000_000;

/** Splits `[layer][head][query][key]` into layers. */
function layersIn(tensor: Tensor, layers: readonly number[], heads: readonly number[]): Map<number, LayerAttention> {
  const { shape, values } = decodeTensor(tensor);
  const [, nHeads, nQueries, nKeys] = shape;
  const size = nHeads * nQueries * nKeys;
  const axis = heads.length === nHeads ? heads : Array.from({ length: nHeads }, (_, i) => i);
  return new Map(
    layers.map((layer, i) => [
      layer,
      { heads: axis, nQueries, nKeys, values: values.subarray(i * size, (i + 1) * size) },
    ]),
  );
}

function keyOf(weights: Weights, stack: Stack, layer: number): string {
  return `${weights}:${stack}:${layer}`;
}

/** What the layer on show depends on. */
interface Shown {
  readonly capture: Capture | null;
  readonly stack: Stack;
  readonly layer: number;
  readonly weights: Weights;
  readonly heads: readonly number[] | null;
}

export class AttentionLoader implements PanePart {
  private readonly single = new Latest();
  private readonly background = new Latest();
  private layers = new Map<string, LayerAttention>();
  private shown: Shown = { capture: null, stack: "encoder", layer: 0, weights: "attention", heads: null };

  private readonly colors: TextColors;
  readonly queryKey: QueryKeyReader;
  private readonly firstLook: FirstLook;
  private pinsExample = false;

  constructor(private readonly controller: Controller) {
    this.colors = new TextColors(controller.host);
    this.firstLook = new FirstLook(controller);
    this.queryKey = new QueryKeyReader(controller);
  }

  private get store() {
    return this.controller.store;
  }

  /** Shows the chosen layer, and fills the overview when its capture or stack is another one. */
  changed(): void {
    this.colors.changed(this.store.get());
    this.queryKey.changed();
    const { capture, view } = this.store.get();
    const before = this.shown;
    const { stack, layer, heads, attentionWeights: weights } = view;
    const same = stack === before.stack && weights === before.weights;
    const sameCapture = isSamePass(capture, before.capture);
    if (sameCapture && same && layer === before.layer) {
      if (capture !== null && heads !== before.heads) this.headsChanged(view);
      return;
    }
    this.shown = { capture, stack, layer, weights, heads };
    if (capture === null) {
      this.store.set({ layer: null });
      return;
    }
    if (sameCapture && stack !== before.stack) this.store.set({ layer: null });
    if (!same) this.firstLook.cancel();
    if (sameCapture && !same) this.store.set({ thumbnails: noThumbnails(capture, stack) });
    const shown = this.show();
    // the overview needs the shown layer, too: it is asked for once
    if (!sameCapture || !same) void shown.then(() => this.overview(this.shown));
  }

  /** Of a long text not all heads may be held. */
  private headsChanged({ stack, layer, heads, attentionWeights }: ViewState): void {
    this.shown = { ...this.shown, heads };
    const held = this.layers.get(keyOf(attentionWeights, stack, layer));
    if (held !== undefined && lacks(held, heads)) void this.show();
  }

  reading(): void {
    this.single.cancel();
    this.background.cancel();
    this.firstLook.cancel();
  }

  captured(answer: AttendResult, capture: Capture, view: ViewState): Partial<AppState> {
    const { stack, layer } = view;
    this.reading();
    this.firstLook.begin(capture, view);
    this.layers = new Map();
    // a new reading is drawn again, even under the same handle
    this.shown = { ...this.shown, capture: null };
    // of a text that is too long for one answer a single head came
    if (answer.heads.length === capture.model.nHeads) this.keep(answer, "attention");
    const weightsShown = view.attentionWeights;
    const shown = this.layers.get(keyOf(weightsShown, stack, layer)) ?? null;
    const fitted = fitting(capture, view);
    return {
      layer: shown,
      layerShown: layer,
      weightsShown,
      thumbnails: noThumbnails(capture, stack),
      ...fitted,
      ...this.pinnedExample(capture, fitted.view ?? view),
    };
  }

  /** Shows the example, with a token pinned once it is read. */
  tryExample(): void {
    tryExample(this.controller);
    this.pinsExample = true;
  }

  private pinnedExample(capture: Capture, view: ViewState): Partial<AppState> {
    const wanted = this.pinsExample && capture.text === EXAMPLE.text;
    this.pinsExample = false;
    const token = wanted ? exampleToken(capture.tokens) : -1;
    return token < 0 ? {} : { view: { ...view, pinned: { side: "left", token } } };
  }

  cancel(): void {
    this.queryKey.cancel();
    this.reading();
    this.controller.captures.cancel();
  }

  private keep(answer: AttendResult, weights: Weights): void {
    const decoderLayers = answer.decoderLayers ?? answer.layers;
    const parts: [Stack, Tensor | null, readonly number[]][] = [
      ["encoder", answer.attention, answer.layers],
      ["decoder", answer.decoderAttention, decoderLayers],
      ["cross", answer.crossAttention, decoderLayers],
    ];
    for (const [stack, tensor, layers] of parts) {
      if (tensor === null || tensor === undefined) continue;
      for (const [layer, attention] of layersIn(tensor, layers, answer.heads)) {
        this.layers.set(keyOf(weights, stack, layer), attention);
      }
    }
    this.forgetOldest();
  }

  private forgetOldest(): void {
    let total = [...this.layers.values()].reduce((sum, layer) => sum + layer.values.length, 0);
    for (const [oldest, layer] of this.layers) {
      if (total <= MOST_KEPT || this.layers.size === 1) break;
      this.layers.delete(oldest);
      total -= layer.values.length;
    }
  }

  /** Puts `view.layer` on show: from memory, or by asking for it. */
  private async show(): Promise<void> {
    const { view, capture } = this.store.get();
    if (capture === null) return;
    const weights = view.attentionWeights;
    const shown = { layerShown: view.layer, weightsShown: weights, attend: IDLE };
    const held = this.layers.get(keyOf(weights, view.stack, view.layer));
    if (held !== undefined && !lacks(held, view.heads)) {
      this.single.cancel();
      this.store.set({ layer: held, ...shown });
      return;
    }
    this.store.set({ attend: { phase: "busy", progress: null } });
    try {
      const outcome = await this.single.run((signal) => this.one(capture, view, signal));
      if (outcome.kind === "superseded") return;
      const key = keyOf(weights, view.stack, view.layer);
      if ("values" in outcome.value) this.keepLong(key, outcome.value);
      else this.keep(outcome.value, weights);
      const layer = this.layers.get(key) ?? null;
      this.store.set({ layer, ...shown });
      if (layer !== null && this.store.get().thumbnails[view.layer] === null)
        this.thumbnail(capture, view.stack, view.layer, layer);
    } catch (thrown) {
      const error = asHostError(thrown);
      // the server has forgotten the capture: the text is read once more
      if (error.code === ERROR_CODES.unknownHandle && view.input !== null) await this.controller.reload();
      else if (weights === "valueNorm") this.plainly(error.message);
      else this.store.set({ attend: { phase: "failed", error } });
    }
  }

  /** Goes back to attention where its norms cannot be had, and says why. */
  private plainly(reason: string): void {
    const { view } = this.store.get();
    const fallback = format.sentence(
      `Value norms cannot be shown, so attention itself is: ${reason.replace(/^\w+: /, "")}`,
    );
    this.store.set({ view: { ...view, attentionWeights: "attention" }, fallbacks: [fallback], attend: IDLE });
  }

  /** One layer; in bytes when the finer answer would be too large, and some heads at a time when that is, too. */
  private async one(capture: Capture, view: ViewState, signal: AbortSignal): Promise<AttendResult | LayerAttention> {
    const { stack, layer, heads: chosen, attentionWeights: weights } = view;
    const { left, right } = sides(capture, stack);
    const { nHeads } = capture.model;
    const ask = (tensors: "float16" | "uint8", heads?: number[]) =>
      this.more(capture, [layer], { weights, tensors, heads }, signal);
    if (fitsOneAnswer(nHeads, left.length, right.length))
      try {
        return await ask("float16");
      } catch (error) {
        if (asHostError(error).code !== ERROR_CODES.answerTooLarge || signal.aborted) throw error;
        return ask("uint8");
      }
    const heads = headsToHold(nHeads, left.length, right.length, chosen);
    return inParts(heads, [left.length, right.length], stack, (some) => ask("uint8", some));
  }

  /** The layer of a long text takes the place of all others. */
  private keepLong(key: string, layer: LayerAttention): void {
    this.layers.delete(key);
    this.layers.set(key, layer);
    this.forgetOldest();
  }

  private more(
    capture: Capture,
    layers: number[],
    options: { readonly weights: Weights; readonly tensors: "float16" | "uint8"; readonly heads?: number[] },
    signal: AbortSignal,
  ): Promise<AttendResult> {
    const { weights, tensors, heads } = options;
    return this.controller.host.request(
      "attend",
      {
        captureId: capture.id,
        layers,
        topK: 0,
        annotate: false,
        tensors,
        ...(heads === undefined ? {} : { heads }),
        // a server before 1.1 does not know the field
        ...(weights === "attention" ? {} : { weights }),
      },
      { signal },
    );
  }

  /** Fills the overview in the background; a failure leaves gaps in it, since the picture itself stands. */
  private async overview({ capture, stack, weights }: Shown): Promise<void> {
    if (capture === null) return;
    try {
      const outcome = await this.background.run((signal) => this.fill(capture, stack, weights, signal));
      if (outcome.kind === "done") void this.firstLook.finish(capture);
    } catch (error) {
      // the layer on show says why there are no value norms
      if (weights === "valueNorm") return;
      this.store.set({ notice: `The overview of all heads is incomplete: ${asHostError(error).message}` });
    }
  }

  private async fill(capture: Capture, stack: Stack, weights: Weights, signal: AbortSignal): Promise<void> {
    const layers = attentionLayersOf(capture, stack);
    const { left, right } = sides(capture, stack);
    const each = capture.model.nHeads * left.length * right.length;
    const keepAllLayers = each * layers.length <= KEEP_ALL;
    const missing: number[] = [];
    for (const layer of layers) {
      const held = this.layers.get(keyOf(weights, stack, layer));
      if (held === undefined) missing.push(layer);
      else this.thumbnail(capture, stack, layer, held);
    }
    // of a long text a layer is fetched only to be shown
    if (!hasOverview(capture, stack)) return;
    const size = Math.max(1, Math.floor(BATCH / each));
    for (let at = 0; at < missing.length && !signal.aborted; at += size) {
      const answer = await this.more(
        capture,
        missing.slice(at, at + size),
        { weights, tensors: keepAllLayers ? "float16" : "uint8" },
        signal,
      );
      if (signal.aborted || !isSamePass(this.store.get().capture, capture)) return;
      if (keepAllLayers) this.keep(answer, weights);
      this.fromAnswer(capture, stack, answer);
    }
  }

  private fromAnswer(capture: Capture, stack: Stack, answer: AttendResult): void {
    const tensor = tensorOf(answer, stack);
    const layers = stack === "encoder" ? answer.layers : (answer.decoderLayers ?? answer.layers);
    if (tensor === null || tensor === undefined) return;
    for (const [layer, attention] of layersIn(tensor, layers, answer.heads))
      this.thumbnail(capture, stack, layer, attention);
  }

  private thumbnail(capture: Capture, stack: Stack, layer: number, attention: LayerAttention): void {
    if (stack === "encoder") this.firstLook.add(capture, layer, attention);
    if (attention.heads.length < capture.model.nHeads) return;
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

/** A filter of segments that this text does not have would leave nothing to draw. */
function fitting(capture: Capture, view: ViewState): Partial<AppState> {
  if (view.segments === "all" || capture.tokens.some(({ segment }) => segment === 1)) return {};
  const fallback = "This text has one segment, so attention between all its tokens is shown.";
  return { view: { ...view, segments: "all" }, fallbacks: [fallback] };
}

function noThumbnails(capture: Capture, stack: Stack): readonly null[] {
  return Array.from({ length: layersOf(capture, stack) }, () => null);
}
