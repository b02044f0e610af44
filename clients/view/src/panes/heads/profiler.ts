/** Asks what the heads do when the pane is shown, and for examples of the chosen head. */
import { IDLE } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Latest } from "../../logic/latest";
import type { PanePart } from "../../pane";

const EXAMPLES = 4;
/** Waits this long for a person to stop clicking through heads. */
const SETTLE_MS = 150;

export class HeadProfiler implements PanePart {
  private readonly profiling = new Latest();
  private readonly finding = new Latest();
  private asked: string | null = null;
  private askedHead = "";
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const { store } = this.controller;
    const { view } = store.get();
    if (this.asked !== null && this.asked !== view.corpus) this.forget();
    if (view.pane !== "heads" || view.corpus === null) return;
    if (this.asked === null) {
      this.asked = view.corpus;
      void this.profile(view.corpus);
      return;
    }
    this.examples();
  }

  corpusBuilt(): void {
    this.forget();
    this.changed();
  }

  /** Stops; what was there stays, and nothing is asked until a person does. */
  cancel(): void {
    this.stop();
    this.controller.store.set({ profiling: IDLE, findingExamples: IDLE });
  }

  retry(): void {
    this.forget();
    this.changed();
  }

  private stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.profiling.cancel();
    this.finding.cancel();
  }

  private forget(): void {
    this.stop();
    this.asked = null;
    this.askedHead = "";
    this.controller.store.set({ profile: null, profiling: IDLE, headExamples: null, findingExamples: IDLE });
  }

  private async profile(corpus: string): Promise<void> {
    const { host, store } = this.controller;
    store.set({ profiling: { phase: "busy", progress: null } });
    try {
      const outcome = await this.profiling.run((signal) =>
        host.request(
          "profileHeads",
          { corpus },
          {
            signal,
            onProgress: (progress) => {
              if (!signal.aborted) store.set({ profiling: { phase: "busy", progress } });
            },
          },
        ),
      );
      if (outcome.kind === "done") store.set({ profile: outcome.value, profiling: IDLE });
    } catch (error) {
      store.set({ profiling: { phase: "failed", error: asHostError(error) } });
    }
  }

  private examples(): void {
    const { store } = this.controller;
    const { view, profile } = store.get();
    const { chosenHead: at, corpus } = view;
    const there = profile?.heads.some(({ layer, head }) => layer === at?.layer && head === at.head);
    if (corpus === null || at === null || there !== true) return;
    const key = `${at.layer}:${at.head}`;
    if (key === this.askedHead) return;
    this.askedHead = key;
    if (this.timer !== null) clearTimeout(this.timer);
    this.finding.cancel();
    store.set({ headExamples: null, findingExamples: { phase: "busy", progress: null } });
    this.timer = setTimeout(() => void this.find(corpus, at.layer, at.head), SETTLE_MS);
  }

  private async find(corpus: string, layer: number, head: number): Promise<void> {
    const { host, store } = this.controller;
    try {
      const outcome = await this.finding.run((signal) =>
        host.request(
          "profileHeads",
          { corpus, layers: [layer], heads: [head], measures: ["roles", "vocabulary"], examples: EXAMPLES },
          { signal },
        ),
      );
      if (outcome.kind === "done") store.set({ headExamples: outcome.value.heads[0] ?? null, findingExamples: IDLE });
    } catch (error) {
      store.set({ findingExamples: { phase: "failed", error: asHostError(error) } });
    }
  }
}
