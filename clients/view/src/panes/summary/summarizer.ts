/** Has the contexts on show counted, whenever there are others or another direction of attention is chosen. */
import { type AppState, IDLE } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Attempts } from "../../logic/attempts";
import { Latest } from "../../logic/latest";
import type { PanePart } from "../../pane";
import { ERROR_CODES, type SummarizeParams, type SummarizeResult } from "../../protocol";
import { type Found, isRelation } from "../corpus/state";
import { type Control, controlsFor } from "./logic/findings";

const MOST_LOST = 2;

/** Hits of an autoregressive model carry what the next token looks at, not what looks at it. */
function directionOf(state: AppState): "outgoing" | "incoming" {
  return state.result?.model.kind === "autoregressive" ? "outgoing" : state.view.direction;
}

type Asked = Pick<SummarizeParams, "searchId" | "attention">;

export class Summarizer implements PanePart {
  private readonly counting = new Latest();
  /** The result that is counted, or was. */
  private counted: Found | null = null;
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
      store.set({ summary: null, barMode: null, summarize: IDLE, comparing: IDLE });
    }
    const state = store.get();
    if (state.search.phase === "busy" && state.comparing.phase === "busy") {
      // nobody waits for what the other heads of an outdated search have in common
      this.counting.cancel();
      store.set({ comparing: IDLE });
    }
    if (result === null || state.search.phase !== "idle" || directionOf(state) === this.direction) return;
    this.direction = directionOf(state);
    void this.summarize({ searchId: result.searchId, attention: this.direction });
  }

  cancel(): void {
    this.counting.cancel();
    this.controller.store.set({ summarize: IDLE, comparing: IDLE });
  }

  /** The summary comes first; the other heads of the layer are compared afterwards. */
  private async summarize(asked: Asked): Promise<void> {
    const { store, parts } = this.controller;
    const { view, result } = store.get();
    const { first, later } = controlsFor(view, result !== null && isRelation(result));
    store.set({ summarize: { phase: "busy", progress: null }, comparing: IDLE });
    try {
      const outcome = await this.counting.run((signal) => this.ask(asked, first, signal));
      if (outcome.kind === "superseded") return;
      this.lost.reset();
      const summary = outcome.value;
      store.set({ summary, barMode: summary, summarize: IDLE });
      if (later !== null && summary.findingsDetailed !== undefined && summary.nHits > 0)
        await this.compare(asked, later);
    } catch (thrown) {
      const error = asHostError(thrown);
      if (error.code === ERROR_CODES.unknownHandle && this.lost.take()) parts.corpus.retry();
      else store.set({ summarize: { phase: "failed", error }, summary: null, barMode: null });
    }
  }

  /** A server before 1.1 takes no controls and refuses the field. */
  private async ask(asked: Asked, controls: Control[], signal: AbortSignal): Promise<SummarizeResult> {
    const { host } = this.controller;
    try {
      return await host.request("summarize", { ...asked, controls }, { signal });
    } catch (error) {
      if (asHostError(error).code !== ERROR_CODES.invalidParams || signal.aborted) throw error;
      return host.request("summarize", asked, { signal });
    }
  }

  /** What it adds is worth having, and its absence no reason to take the summary away. */
  private async compare(asked: Asked, controls: Control[]): Promise<void> {
    const { host, store } = this.controller;
    store.set({ comparing: { phase: "busy", progress: null } });
    try {
      const outcome = await this.counting.run((signal) =>
        host.request("summarize", { ...asked, controls }, { signal }),
      );
      // bars that were clicked stay valid: the labels are counted in the same way
      if (outcome.kind === "done") store.set({ summary: outcome.value, barMode: outcome.value, comparing: IDLE });
    } catch (error) {
      store.set({ comparing: { phase: "failed", error: asHostError(error) } });
    }
  }
}
