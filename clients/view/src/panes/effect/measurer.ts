/** Measures the effect of heads on the text whenever the pane is shown and something that matters has changed. */
import { type AppState, type Capture, IDLE, isStale, pinnedTokens } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Attempts } from "../../logic/attempts";
import { Latest } from "../../logic/latest";
import type { PanePart } from "../../pane";
import { type AblateHeadsParams, type AttendResult, type DecomposeParams, ERROR_CODES } from "../../protocol";
import type { ViewState } from "../../state";
import { LensReader } from "./lensReader";

const SETTLE_MS = 150;
const MOST_LOST = 2;
/** Predictions with and without each head. */
const TOP_K = 5;
/** Predictions of each hidden state. */
const LENS_K = 3;

type Question =
  | { readonly method: "ablateHeads"; readonly params: AblateHeadsParams }
  | { readonly method: "decompose"; readonly params: DecomposeParams };

/** The token whose prediction is measured; null: the server's default, which is the last token, or the masked one. */
function targetToken(capture: Capture, view: ViewState): number | null {
  const { kind, hasLmHead } = capture.model;
  const pinned = kind === "encoderDecoder" ? [] : pinnedTokens({ capture, view });
  if (!hasLmHead || pinned.length === 0) return null;
  // what comes after a word is predicted at its last token
  if (kind === "autoregressive") return pinned[pinned.length - 1].index;
  return view.mask.length > 0 ? null : pinned[0].index;
}

/** What to ask for the state as it is; null when there is nothing to measure. */
export function effectQuestion(state: Pick<AppState, "capture" | "view">): Question | null {
  const { capture, view } = state;
  if (capture === null) return null;
  const against = view.effectAgainst.trim();
  const token = against === "" ? targetToken(capture, view) : null;
  // heads are switched off in the whole model, also when the pass on show is one without some
  const shared = { captureId: capture.whole, ...(against === "" ? {} : { against }) };
  if (view.effectOf === "parts")
    return { method: "decompose", params: { ...shared, ...(token === null ? {} : { token }), topK: LENS_K } };
  return {
    method: "ablateHeads",
    params: {
      ...shared,
      heads: "each",
      mode: view.effectMode,
      topK: TOP_K,
      ...(token === null ? {} : { target: { token } }),
    },
  };
}

export class EffectMeasurer implements PanePart {
  private readonly measuring = new Latest();
  private asked = "";
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Captures that the server forgot at once. */
  private readonly lost = new Attempts(MOST_LOST);

  private readonly lens: LensReader;

  constructor(private readonly controller: Controller) {
    this.lens = new LensReader(controller);
  }

  changed(): void {
    this.measureChanges();
    this.lens.changed();
  }

  private measureChanges(): void {
    const { store } = this.controller;
    const state = store.get();
    const question = effectQuestion(state);
    const key = question === null ? "" : JSON.stringify(question);
    if (key !== this.asked && this.asked !== "") this.forget();
    const ready = state.view.pane === "effect" && state.attend.phase === "idle" && !isStale(state);
    if (key === this.asked || question === null || !ready) return;
    this.asked = key;
    store.set({ measuring: { phase: "busy", progress: null } });
    this.timer = setTimeout(() => void this.measure(question), SETTLE_MS);
  }

  /** What was measured is about the text before. */
  reading(): void {
    this.forget();
  }

  /** Stops measuring; it starts again when something changes, or when it is asked to. */
  cancel(): void {
    this.stop();
    this.lens.cancel();
    this.controller.store.set({ measuring: IDLE });
  }

  /** Stops reading the hidden states of every token; those that were read stay. */
  stopLens(): void {
    this.lens.cancel();
  }

  retry(): void {
    this.forget();
    this.changed();
  }

  private stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.measuring.cancel();
  }

  private forget(): void {
    this.stop();
    this.asked = "";
    // one change of the state, since what is asked next follows from it
    const nothing = { effects: null, decomposition: null, againstTokens: null, measuring: IDLE };
    this.controller.store.set({ ...nothing, ...this.lens.forgotten() });
  }

  private async measure(question: Question): Promise<void> {
    const { store } = this.controller;
    try {
      const outcome = await this.measuring.run((signal) => this.request(question, signal));
      if (outcome.kind === "superseded") return;
      this.lost.reset();
      store.set({ ...outcome.value, measuring: IDLE });
    } catch (thrown) {
      const error = asHostError(thrown);
      // the server has forgotten the text: it is read once more, and asked about again
      if (error.code === ERROR_CODES.unknownHandle && this.lost.take()) await this.controller.reload();
      else store.set({ measuring: { phase: "failed", error } });
    }
  }

  /** The second text's tokens, to name the columns of the pairs. */
  private async tokensOf(text: string, signal: AbortSignal): Promise<AttendResult["tokens"]> {
    const { host, store } = this.controller;
    const { view, capture } = store.get();
    const model = view.model ?? capture?.model.id;
    const params = { text, ...(model === undefined ? {} : { model }), layers: [0], topK: 0, annotate: false };
    return (await host.request("attend", { ...params, tensors: "uint8" }, { signal })).tokens;
  }

  private async request(question: Question, signal: AbortSignal): Promise<Partial<AppState>> {
    const { host, store } = this.controller;
    const options = {
      signal,
      onProgress: (progress: { message?: string; percentage?: number }) => {
        if (!signal.aborted) store.set({ measuring: { phase: "busy", progress } });
      },
    };
    if (question.method === "decompose") {
      const { against } = question.params;
      const [decomposition, againstTokens] = await Promise.all([
        host.request("decompose", question.params, options),
        typeof against === "string" ? this.tokensOf(against, signal) : null,
      ]);
      return { decomposition, againstTokens };
    }
    return { effects: await host.request("ablateHeads", question.params, options) };
  }
}
