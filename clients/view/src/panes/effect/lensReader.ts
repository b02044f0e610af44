/** Reads what each hidden state predicts at every token: one request a token, those near the end of the text first. */
import { type AppState, IDLE } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Latest } from "../../logic/latest";
import { lensPlaces } from "./logic/lens";

export class LensReader {
  private readonly reading = new Latest();
  private asked = "";

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const { view, capture, decomposition } = this.controller.store.get();
    const wanted =
      view.pane === "effect" &&
      view.effectLens === "all" &&
      capture !== null &&
      decomposition !== null &&
      decomposition.lens.length > 0;
    if (!wanted || capture.whole === this.asked) return;
    this.asked = capture.whole;
    void this.read(capture.whole, lensPlaces(capture.tokens));
  }

  /** Stops; the columns that are there stay. */
  cancel(): void {
    this.reading.cancel();
    this.controller.store.set({ readingLens: IDLE });
  }

  /** Stops; gives what that changes in the state. */
  forgotten(): Partial<AppState> {
    this.reading.cancel();
    this.asked = "";
    return { lensColumns: [], readingLens: IDLE };
  }

  private async read(captureId: string, places: readonly number[]): Promise<void> {
    const { store } = this.controller;
    try {
      await this.reading.run((signal) => this.columns(captureId, places, signal));
    } catch (error) {
      store.set({ readingLens: { phase: "failed", error: asHostError(error) } });
    }
  }

  private async columns(captureId: string, places: readonly number[], signal: AbortSignal): Promise<void> {
    const { host, store } = this.controller;
    for (const [i, token] of places.entries()) {
      const message = `token ${i + 1} of ${places.length}`;
      store.set({ readingLens: { phase: "busy", progress: { message, percentage: (100 * i) / places.length } } });
      const { lens } = await host.request("decompose", { captureId, token, topK: 1 }, { signal });
      if (signal.aborted) return;
      const columns = [...store.get().lensColumns, { token, lens }].sort((a, b) => a.token - b.token);
      store.set({ lensColumns: columns });
    }
    store.set({ readingLens: IDLE });
  }
}
