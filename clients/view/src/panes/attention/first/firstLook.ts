/** Opens an unknown model at the head with the clearest pattern, unless a person has chosen otherwise. */
import { type AppState, type Capture, isSamePass } from "../../../app";
import type { Controller } from "../../../control/controller";
import { Latest } from "../../../logic/latest";
import type { HeadAt, ViewState } from "../../../state";
import type { LayerAttention } from "../logic/attention";
import { type Clarity, claritiesIn, claritiesOf, clearest } from "./clarity";

/** The head that was opened for a model. */
export interface OpenedHead extends HeadAt {
  readonly model: string;
  /** The corpus whose profile chose it; absent: the text did. */
  readonly corpus?: string;
  /** The example names the head itself. */
  readonly isExample?: boolean;
}

/** `wanted`: nothing was shown yet; null: a person or a link chose. */
export type FirstLookState = OpenedHead | "wanted" | null;

/** A profile that takes longer than this comes too late to move a picture that a person already reads. */
const PATIENCE_MS = 1500;

/** Whether the choices are still those that the view made itself. */
export function isUntouched(view: Pick<ViewState, "layer" | "heads" | "firstLook">, firstLayer: number): boolean {
  const { firstLook: opened, heads, layer } = view;
  if (opened === null) return false;
  if (opened === "wanted") return heads === null && layer <= firstLayer;
  return layer === opened.layer && heads?.length === 1 && heads[0] === opened.head;
}

/** Whether the head on show is one that the view chose. */
export function openedHead({ view, capture }: Pick<AppState, "view" | "capture">): OpenedHead | null {
  const { firstLook: opened } = view;
  if (opened === null || opened === "wanted" || opened.model !== capture?.model.id) return null;
  return isUntouched(view, 0) ? opened : null;
}

export class FirstLook {
  private readonly profiling = new Latest();
  private capture: Capture | null = null;
  private seen: Clarity[] = [];
  private profile: Promise<OpenedHead | null> = Promise.resolve(null);

  constructor(private readonly controller: Controller) {}

  cancel(): void {
    this.capture = null;
    this.profiling.cancel();
  }

  /** A text was read: whether its model is one to choose a head for. */
  begin(capture: Capture, view: ViewState): void {
    this.cancel();
    if (view.stack !== "encoder" || view.attentionWeights !== "attention") return;
    if (!isUntouched(view, capture.model.attentionLayers?.[0] ?? 0)) return;
    if (view.firstLook !== "wanted" && view.firstLook?.model === capture.model.id) return;
    this.capture = capture;
    this.seen = [];
    this.profile = this.ofCorpus(capture, view.corpus);
  }

  /** A layer has arrived. */
  add(capture: Capture, layer: number, attention: LayerAttention): void {
    if (!isSamePass(capture, this.capture)) return;
    const causal = capture.model.kind === "autoregressive";
    this.seen.push(...claritiesOf(layer, attention, capture.tokens, causal));
  }

  /** All layers that will come have come. */
  async finish(capture: Capture): Promise<void> {
    if (!isSamePass(capture, this.capture)) return;
    const head = (await this.profile) ?? this.ofText(capture);
    if (!isSamePass(capture, this.capture) || head === null) return;
    this.capture = null;
    const { store } = this.controller;
    const { view, capture: shown } = store.get();
    if (!isSamePass(shown, capture) || !isUntouched(view, capture.model.attentionLayers?.[0] ?? 0)) return;
    // the layer that did not apply was the view's own choice
    store.set({ fallbacks: store.get().fallbacks.filter((one) => !one.startsWith("Layer ")) });
    this.controller.update({ layer: head.layer, heads: [head.head], firstLook: head });
  }

  private ofText({ model }: Capture): OpenedHead | null {
    const found = clearest(this.seen);
    return found === null ? null : { model: model.id, layer: found.layer, head: found.head };
  }

  /** By the profile of the corpus, where it is of this model and comes in time. */
  private async ofCorpus({ model }: Capture, corpus: string | null): Promise<OpenedHead | null> {
    const { corpora } = this.controller.store.get();
    if (corpus === null || corpora?.find((one) => one.corpus === corpus)?.model !== model.id) return null;
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
    const found = await Promise.race([this.clearestIn(corpus).catch(() => null), late]);
    if (found === null) this.profiling.cancel();
    return found && { model: model.id, corpus, layer: found.layer, head: found.head };
  }

  private async clearestIn(corpus: string): Promise<Clarity | null> {
    const outcome = await this.profiling.run((signal) =>
      this.controller.host.request("profileHeads", { corpus, measures: ["offsets"] }, { signal }),
    );
    return outcome.kind === "done" ? clearest(claritiesIn(outcome.value.heads)) : null;
  }
}
