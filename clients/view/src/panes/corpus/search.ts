/** Searches the corpus for contexts of the pinned token, or of its relation to another, whenever a choice that matters changes. */
import { type AppState, type Capture, IDLE, queryTokens } from "../../app";
import type { Controller } from "../../control/controller";
import { asHostError } from "../../control/errors";
import { Attempts } from "../../logic/attempts";
import { Latest } from "../../logic/latest";
import type { PanePart } from "../../pane";
import { type AttendResult, ERROR_CODES, type SearchParams, type SearchRelationsParams } from "../../protocol";
import type { ViewState } from "../../state";
import { readFilter } from "./logic/filter";
import { relationOf, relationTarget } from "./relation";
import { type Found, hiddenLayerOf } from "./state";

/** Waits this long for further changes of the same click; a later click ends a search that has begun. */
const SETTLE_MS = 40;
const MOST_LOST = 2;

type Asked =
  | { readonly method: "searchContexts"; readonly params: SearchParams }
  | { readonly method: "searchRelations"; readonly params: SearchRelationsParams };

/** What to ask for the state as it is; null when there is nothing to search for. */
export function searchFor(state: AppState): Asked | null {
  if (relationTarget(state) === null) {
    const params = contextParams(state);
    return params === null ? null : { method: "searchContexts", params };
  }
  const params = relationParams(state);
  return params === null ? null : { method: "searchRelations", params };
}

function relationParams(state: AppState): SearchRelationsParams | null {
  const { view, capture } = state;
  const relation = relationOf(state);
  if (capture === null || relation === null || view.corpus === null) return null;
  const filter = readFilter(view.filter);
  return {
    corpus: view.corpus,
    captureId: capture.id,
    source: relation.source.index,
    target: relation.target.index,
    layer: relation.layer,
    head: relation.head,
    k: view.k,
    distinct: view.distinct,
    ...(filter === null ? {} : { filter }),
  };
}

function contextParams(state: AppState): SearchParams | null {
  const { view, capture } = state;
  const tokens = queryTokens(state).map(({ index }) => index);
  if (capture === null || tokens.length === 0 || view.corpus === null) return null;
  if (view.space === "headOutput" && view.heads !== null && view.heads.length === 0) return null;
  const filter = readFilter(view.filter);
  return {
    corpus: view.corpus,
    captureId: capture.id,
    ...(tokens.length === 1 ? { token: tokens[0] } : { tokens }),
    space: view.space,
    ...(view.space === "headOutput"
      ? { layer: view.layer, weighting: view.weighting }
      : { hiddenLayer: hiddenLayerOf(view) }),
    ...(view.heads === null || view.heads.length === 0 ? {} : { heads: [...view.heads] }),
    k: view.k,
    distinct: view.distinct,
    ...(filter === null ? {} : { filter }),
  };
}

export class ContextSearch implements PanePart {
  private readonly searching = new Latest();
  private asked = "";
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Captures that the server forgot at once. */
  private readonly lost = new Attempts(MOST_LOST);

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const { store } = this.controller;
    const wanted = searchFor(store.get());
    const key = wanted === null ? "" : JSON.stringify(wanted);
    if (key === this.asked) return;
    this.asked = key;
    this.stop();
    if (wanted === null) store.set({ result: null, search: IDLE });
    else this.timer = setTimeout(() => void this.search(wanted), SETTLE_MS);
  }

  /** A model with fewer layers has fewer hidden states. */
  captured(_: AttendResult, { model }: Capture, view: ViewState): Partial<AppState> {
    return view.hiddenLayer === null
      ? {}
      : { view: { ...view, hiddenLayer: Math.min(view.hiddenLayer, model.nLayers) } };
  }

  corpusBuilt(): void {
    this.retry();
  }

  /** Stops searching; what was there stays. */
  cancel(): void {
    this.stop();
    this.controller.store.set({ search: IDLE });
  }

  retry(): void {
    this.asked = "";
    this.changed();
  }

  private stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.searching.cancel();
  }

  private async search({ method, params }: Asked): Promise<void> {
    const { host, store } = this.controller;
    store.set({ search: { phase: "busy", progress: null } });
    try {
      const outcome = await this.searching.run<Found>((signal) =>
        host.request(method, params, {
          signal,
          onProgress: (progress) => {
            if (!signal.aborted) store.set({ search: { phase: "busy", progress } });
          },
        }),
      );
      if (outcome.kind === "superseded") return;
      this.lost.reset();
      store.set({ result: outcome.value, search: IDLE, view: { ...store.get().view, bar: this.keptBar() } });
    } catch (thrown) {
      const error = asHostError(thrown);
      // the server has forgotten the text: it is read once more
      if (error.code === ERROR_CODES.unknownHandle && this.lost.take() && (await this.controller.reload()))
        this.retry();
      else store.set({ search: { phase: "failed", error }, result: null });
    }
  }

  /** A bar filter outlives only the first search after a restore; later results have other bars. */
  private keptBar(): ViewState["bar"] {
    const { result, view } = this.controller.store.get();
    return result === null ? view.bar : null;
  }
}
