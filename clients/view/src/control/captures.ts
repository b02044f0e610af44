/** Reads the text: one forward pass that the server keeps, and the layer on show of it. The newest request counts. */
import { type AppState, attentionLayersOf, type Capture, IDLE, stacksOf } from "../app";
import type { Host, TextInput } from "../host";
import { Latest } from "../logic/latest";
import type { PanePart } from "../pane";
import { type AttendParams, ERROR_CODES } from "../protocol";
import type { ViewState } from "../state";
import type { Store } from "../store";
import { LateAnnotations } from "./annotations";
import { asHostError } from "./errors";
import { fittingHeads, fittingLayer } from "./fitting";
import { passOf, type ReadPass, readPass } from "./passes";

/** Predictions for each token. */
const TOP_K = 5;

export class CaptureLoader {
  private readonly reading = new Latest();
  private readonly annotations: LateAnnotations;
  private loading: Promise<boolean> = Promise.resolve(false);
  /** An earlier server of the same protocol always waits for annotations, and refuses to be told not to. */
  private canDefer = true;

  constructor(
    private readonly host: Host,
    private readonly store: Store<AppState>,
    private readonly parts: () => readonly PanePart[],
  ) {
    this.annotations = new LateAnnotations(host, store);
  }

  dispose(): void {
    this.cancel();
    this.annotations.cancel();
  }

  cancel(): void {
    this.reading.cancel();
    this.store.set({ attend: IDLE });
  }

  /** Reads `input`. True when the view now shows it. */
  load(input: TextInput): Promise<boolean> {
    this.loading = this.read(input);
    return this.loading;
  }

  /** What the newest `load` says. */
  settled(): Promise<boolean> {
    return this.loading;
  }

  private async read(input: TextInput): Promise<boolean> {
    for (const part of this.parts()) part.reading?.();
    this.store.set({ attend: { phase: "busy", progress: null } });
    try {
      const { view } = this.store.get();
      const outcome = await this.reading.run((signal) => this.request({ ...view, input }, signal));
      if (outcome.kind === "superseded") return false;
      this.accept({ ...view, input }, outcome.value);
      return true;
    } catch (error) {
      this.store.set({ attend: { phase: "failed", error: asHostError(error) } });
      return false;
    }
  }

  private async request(view: ViewState, signal: AbortSignal): Promise<ReadPass> {
    const onProgress = (progress: { message?: string; percentage?: number }) => {
      if (!signal.aborted) this.store.set({ attend: { phase: "busy", progress } });
    };
    const wanted: AttendParams = { layers: [view.layer], topK: TOP_K, tensors: "float16" };
    const ask = (change: AttendParams) =>
      this.drawnFirst((defer) =>
        readPass(this.host, passOf(view), { ...wanted, ...change, ...defer }, { signal, onProgress }),
      );
    try {
      return await ask({});
    } catch (error) {
      const { code } = asHostError(error);
      if (signal.aborted) throw error;
      // a shallower model than the last one: its first layer always exists, and the answer says how many there are
      if (code === ERROR_CODES.invalidParams && view.layer > 0) return this.firstLayer(ask);
      if (code === ERROR_CODES.invalidParams) return this.attendingLayers(ask, error);
      if (code === ERROR_CODES.answerTooLarge) return this.smaller(ask, error);
      throw error;
    }
  }

  /** Asks once more for annotations that are missing. */
  annotateAgain(): void {
    const { annotating, capture, view } = this.store.get();
    const isForgotten = annotating.phase === "failed" && annotating.error.code === ERROR_CODES.unknownHandle;
    if (isForgotten && view.input !== null) void this.load(view.input);
    else if (capture !== null) void this.annotations.fetch(capture);
  }

  /** The picture comes first, its annotations when they are there; all at once where the server cannot do so. */
  private async drawnFirst(ask: (annotations: AttendParams) => Promise<ReadPass>): Promise<ReadPass> {
    if (!this.canDefer) return ask({});
    try {
      return await ask({ waitForAnnotations: false });
    } catch (error) {
      const field = asHostError(error).data?.field;
      if (field === "waitForAnnotations") {
        this.canDefer = false;
        return ask({});
      }
      if (field !== "pipeline") throw error;
      // a pipeline that cannot be loaded keeps nobody from a picture; asked for later, it says why
      const { answer, whole } = await ask({ annotate: false });
      return { answer: { ...answer, annotationsPending: true }, whole };
    }
  }

  /** All heads in bytes; of a text that is too long for that, one head. Each try costs a pass. */
  private async smaller(ask: (change: AttendParams) => Promise<ReadPass>, error: unknown): Promise<ReadPass> {
    const { bytes, limit } = asHostError(error).data ?? {};
    const tooLarge = typeof bytes === "number" && typeof limit === "number" && bytes / 2 > limit;
    try {
      if (!tooLarge) return await ask({ tensors: "uint8" });
    } catch (again) {
      if (asHostError(again).code !== ERROR_CODES.answerTooLarge) throw again;
    }
    return ask({ tensors: "uint8", heads: [0] });
  }

  private async firstLayer(ask: (change: AttendParams) => Promise<ReadPass>): Promise<ReadPass> {
    try {
      return await ask({ layers: [0] });
    } catch (error) {
      return this.attendingLayers(ask, error);
    }
  }

  /** The first layer of a hybrid model need not attend; without a list all layers that do are answered. */
  private async attendingLayers(ask: (change: AttendParams) => Promise<ReadPass>, error: unknown): Promise<ReadPass> {
    if (asHostError(error).code !== ERROR_CODES.invalidParams) throw error;
    try {
      return await ask({ layers: null, tensors: "uint8" });
    } catch {
      // what was wrong is something else: the first reason says it
      throw error;
    }
  }

  private accept(read: ViewState, { answer, whole }: ReadPass): void {
    const { captureId: id, model, tokens, decoderTokens, text, notes, messages } = answer;
    const capture: Capture = { id, whole, pass: passOf(read), model, tokens, decoderTokens, text, notes, messages };
    const { view: before } = this.store.get();
    const stack = stacksOf(capture).includes(before.stack) ? before.stack : "encoder";
    const { layer, fallback: otherLayer } = fittingLayer(before.layer, attentionLayersOf(capture, stack));
    const { heads, fallback } = fittingHeads(before.heads, model.nHeads);
    const view: ViewState = { ...before, stack, layer, heads };
    const fallbacks = [otherLayer, fallback].filter((one) => one !== null);
    let change: Partial<AppState> & Pick<AppState, "view" | "fallbacks"> = {
      view,
      capture,
      fallbacks,
      attend: IDLE,
      annotating: IDLE,
      hover: null,
    };
    for (const part of this.parts()) {
      const more = part.captured?.(answer, capture, change.view) ?? {};
      change = { ...change, ...more, fallbacks: [...change.fallbacks, ...(more.fallbacks ?? [])] };
    }
    this.annotations.cancel();
    this.store.set(change);
    if (answer.annotationsPending) void this.annotations.fetch(capture);
  }
}
