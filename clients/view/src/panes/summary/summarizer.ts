/** Has the contexts on show counted, whenever there are others or another direction of attention is chosen. */
import { type AppState, IDLE } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Attempts } from "../../logic/attempts";
import { Latest } from "../../logic/latest";
import type { PanePart } from "../../pane";
import { ERROR_CODES, type SearchResult } from "../../protocol";

const MOST_LOST = 2;

/** Hits of an autoregressive model carry what the next token looks at, not what looks at it. */
function directionOf(state: AppState): "outgoing" | "incoming" {
  return state.result?.model.kind === "autoregressive" ? "outgoing" : state.view.direction;
}

export class Summarizer implements PanePart {
  private readonly counting = new Latest();
  /** The result that is counted, or was. */
  private counted: SearchResult | null = null;
  private direction: "outgoing" | "incoming" | null = null;
  /** Results that the server forgot at once. */
  private readonly lost = new Attempts(MOST_LOST);

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const { store } = this.controller;
    const { result } = store.get();
    if (result !== this.counted) {
      this.counted = result;
      this.direction = null;
      this.counting.cancel();
      store.set({ summary: null, barMode: null, summarize: IDLE });
    }
    const state = store.get();
    if (result === null || state.search.phase !== "idle" || directionOf(state) === this.direction) return;
    this.direction = directionOf(state);
    void this.summarize(result, this.direction);
  }

  cancel(): void {
    this.counting.cancel();
    this.controller.store.set({ summarize: IDLE });
  }

  private async summarize(result: SearchResult, attention: "outgoing" | "incoming"): Promise<void> {
    const { host, store, parts } = this.controller;
    store.set({ summarize: { phase: "busy", progress: null } });
    try {
      const outcome = await this.counting.run((signal) =>
        host.request("summarize", { searchId: result.searchId, attention }, { signal }),
      );
      if (outcome.kind === "superseded") return;
      this.lost.reset();
      store.set({ summary: outcome.value, barMode: outcome.value, summarize: IDLE });
    } catch (thrown) {
      const error = asHostError(thrown);
      if (error.code === ERROR_CODES.unknownHandle && this.lost.take()) parts.corpus.retry();
      else store.set({ summarize: { phase: "failed", error }, summary: null, barMode: null });
    }
  }
}
