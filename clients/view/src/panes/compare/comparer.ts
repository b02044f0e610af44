/** Compares the pinned pass with the one on show, whenever the pane is shown and one of them is another. */
import { type AppState, type Capture, IDLE, isStale } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { type Pass, passKey, readPass } from "../../control/passes";
import { Attempts } from "../../logic/attempts";
import { Latest } from "../../logic/latest";
import { decodeTensor } from "../../logic/tensor";
import type { PanePart } from "../../pane";
import { ERROR_CODES } from "../../protocol";
import { sameAsShown, shownHead } from "./logic/passes";
import type { PinnedCapture } from "./state";

const MOST_LOST = 2;
const NOTHING = { comparison: null, comparingPasses: IDLE, headPair: null, readingPair: IDLE } as const;

/** Both passes have a token at each place, so that they can be drawn over each other. */
function samePlaces({ pinnedCapture, capture }: Pick<AppState, "pinnedCapture" | "capture">): boolean {
  return pinnedCapture !== null && capture !== null && pinnedCapture.tokens.length === capture.tokens.length;
}

export class Comparer implements PanePart {
  private readonly comparing = new Latest();
  private readonly pairing = new Latest();
  private asked = "";
  private askedPair = "";
  /** Passes that the server forgot at once. */
  private readonly lost = new Attempts(MOST_LOST);

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const state = this.controller.store.get();
    const { capture, view, attend } = state;
    const pinned = view.compareWith;
    const comparable = pinned !== null && capture !== null && !isStale(state) && !sameAsShown(pinned, capture);
    const key = comparable ? `${passKey(pinned)} ${capture.id}` : "";
    if (key !== this.asked && this.asked !== "") this.forget();
    if (key === "" || view.pane !== "compare") return;
    if (key === this.asked) this.pair();
    else if (attend.phase === "idle" && pinned !== null && capture !== null) {
      this.asked = key;
      void this.compare(pinned, capture);
    }
  }

  reading(): void {
    this.forget();
  }

  cancel(): void {
    this.comparing.cancel();
    this.pairing.cancel();
    this.controller.store.set({ comparingPasses: IDLE, readingPair: IDLE });
  }

  retry(): void {
    this.forget();
    this.changed();
  }

  /** One change of the state, since what it asks for next follows from that change. */
  private forget(): void {
    this.comparing.cancel();
    this.pairing.cancel();
    this.asked = "";
    this.askedPair = "";
    this.controller.store.set(NOTHING);
  }

  private async compare(pinned: Pass, capture: Capture): Promise<void> {
    const { host, store } = this.controller;
    store.set({ comparingPasses: { phase: "busy", progress: null } });
    try {
      const outcome = await this.comparing.run(async (signal) => {
        const a = await this.pinnedCapture(pinned, signal);
        if (!signal.aborted) store.set({ pinnedCapture: a });
        return host.request("compareCaptures", { captureIds: [a.id, capture.id] }, this.options(signal));
      });
      if (outcome.kind === "superseded") return;
      this.lost.reset();
      store.set({ comparison: outcome.value, comparingPasses: IDLE });
    } catch (thrown) {
      const error = asHostError(thrown);
      if (error.code === ERROR_CODES.unknownHandle && this.lost.take()) await this.readAgain();
      // texts with as many tokens can still be drawn over each other: `pair` follows from this change
      else store.set({ comparingPasses: { phase: "failed", error } });
    }
  }

  /** The server has forgotten one of both. */
  private async readAgain(): Promise<void> {
    this.controller.store.set({ pinnedCapture: null });
    await this.controller.reload();
  }

  private options(signal: AbortSignal) {
    const { store } = this.controller;
    return {
      signal,
      onProgress: (progress: { message?: string; percentage?: number }) => {
        if (!signal.aborted) store.set({ comparingPasses: { phase: "busy", progress } });
      },
    };
  }

  private async pinnedCapture(pinned: Pass, signal: AbortSignal): Promise<PinnedCapture> {
    const { host, store } = this.controller;
    const held = store.get().pinnedCapture;
    const key = passKey(pinned);
    if (held?.key === key) return held;
    const wanted = { topK: 0, annotate: false, tensors: "uint8" } as const;
    const { answer } = await readPass(host, pinned, { ...wanted, layers: [0] }, this.options(signal));
    return { id: answer.captureId, key, tokens: answer.tokens, model: answer.model.id };
  }

  /** The attention of the head that is looked at, in both passes. */
  private pair(): void {
    const { store } = this.controller;
    const state = store.get();
    const { capture, pinnedCapture, comparison, comparingPasses } = state;
    const at = shownHead(state);
    if (capture === null || pinnedCapture === null || at === null || !samePlaces(state)) return;
    if (comparison === null && comparingPasses.phase !== "failed") return;
    const key = `${pinnedCapture.id} ${capture.id} ${at.layer}:${at.head}`;
    if (key === this.askedPair) return;
    this.askedPair = key;
    void this.readPair([pinnedCapture.id, capture.id], at.layer, at.head, capture.tokens.length);
  }

  private async readPair(ids: readonly [string, string], layer: number, head: number, n: number): Promise<void> {
    const { host, store } = this.controller;
    store.set({ readingPair: { phase: "busy", progress: null } });
    const one = async (captureId: string, signal: AbortSignal) => {
      const wanted = { captureId, topK: 0, annotate: false, tensors: "float16" } as const;
      const answer = await host.request("attend", { ...wanted, layers: [layer], heads: [head] }, { signal });
      return decodeTensor(answer.attention).values;
    };
    try {
      const outcome = await this.pairing.run((signal) => Promise.all(ids.map((id) => one(id, signal))));
      if (outcome.kind === "superseded") return;
      const [before, after] = outcome.value;
      store.set({ headPair: { layer, head, n, before, after }, readingPair: IDLE });
    } catch (error) {
      store.set({ headPair: null, readingPair: { phase: "failed", error: asHostError(error) } });
    }
  }
}
