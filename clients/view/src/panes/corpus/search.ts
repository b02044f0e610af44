/** Searches the corpus for contexts of the pinned token and summarises them, whenever a choice that matters changes. */
import { type AppState, hiddenLayerOf, IDLE, queryToken } from "../../app";
import type { Host } from "../../host";
import { Latest } from "../../logic/latest";
import { ERROR_CODES, type Filter, type SearchParams, type SearchResult } from "../../protocol";
import type { SearchFilter } from "../../state";
import type { Store } from "../../store";
import { asHostError } from "../attention/loader";

/** Waits this long for a person to stop clicking. */
const SETTLE_MS = 120;
const MOST_LOST = 2;

/** Comma-separated words become a list; nothing given means no condition. */
export function readFilter(filter: SearchFilter): Filter | null {
  const out: Filter = {};
  for (const key of ["pos", "dep", "entity", "token", "documents"] as const) {
    const wanted = filter[key].split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (wanted.length > 0) out[key] = wanted;
  }
  return Object.keys(out).length === 0 ? null : out;
}

/** What to ask for the state as it is; null when there is nothing to search for. */
export function searchParams(state: AppState): SearchParams | null {
  const { view, capture } = state;
  const token = queryToken(state);
  if (capture === null || token === null || view.corpus === null) return null;
  if (view.space === "headOutput" && view.heads !== null && view.heads.length === 0) return null;
  const filter = readFilter(view.filter);
  return {
    corpus: view.corpus,
    captureId: capture.id,
    token: token.index,
    space: view.space,
    ...(view.space === "headOutput" ? { layer: view.layer, weighting: view.weighting } : { hiddenLayer: hiddenLayerOf(view) }),
    ...(view.heads === null || view.heads.length === 0 ? {} : { heads: [...view.heads] }),
    k: view.k,
    distinct: view.distinct,
    ...(filter === null ? {} : { filter }),
  };
}

/** Hits of an autoregressive model carry what the next token looks at, not what looks at it. */
function summaryDirection(state: AppState): "outgoing" | "incoming" {
  return state.result?.model.kind === "autoregressive" ? "outgoing" : state.view.direction;
}

export class ContextLoader {
  private readonly searching = new Latest();
  private readonly summarizing = new Latest();
  private asked = "";
  private summarized = "";
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Lost handles in a row; a server that forgets at once must not be asked for ever. */
  private lost = 0;

  constructor(
    private readonly host: Host,
    private readonly store: Store<AppState>,
    /** Reads the text anew when the server has forgotten it. True when that worked. */
    private readonly reattend: () => Promise<boolean>,
  ) {}

  /** Call after each change of state: searches if what is asked for has changed. */
  update(): void {
    const state = this.store.get();
    const params = searchParams(state);
    const key = params === null ? "" : JSON.stringify(params);
    if (key !== this.asked) {
      this.asked = key;
      this.stop();
      if (params === null) this.store.set({ result: null, summary: null, search: IDLE, summarize: IDLE });
      else this.timer = setTimeout(() => void this.search(params), SETTLE_MS);
      return;
    }
    const summaryKey = state.result === null ? "" : `${state.result.searchId} ${summaryDirection(state)}`;
    if (summaryKey !== "" && summaryKey !== this.summarized && state.search.phase === "idle") {
      this.summarized = summaryKey;
      void this.summarize(state.result as SearchResult);
    }
  }

  private stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.searching.cancel();
    this.summarizing.cancel();
  }

  /** A person's "cancel": what was there stays. */
  cancel(): void {
    this.stop();
    this.store.set({ search: IDLE, summarize: IDLE });
  }

  retry(): void {
    this.asked = "";
    this.summarized = "";
    this.update();
  }

  private async search(params: SearchParams): Promise<void> {
    this.store.set({ search: { phase: "busy", progress: null } });
    try {
      const outcome = await this.searching.run((signal) =>
        this.host.request("searchContexts", params, {
          signal,
          onProgress: (progress) => {
            if (!signal.aborted) this.store.set({ search: { phase: "busy", progress } });
          },
        }),
      );
      if (outcome.kind === "superseded") return;
      this.summarized = "";
      const { view } = this.store.get();
      this.store.set({ result: outcome.value, summary: null, search: IDLE, view: { ...view, bar: this.keptBar() } });
    } catch (error) {
      const told = asHostError(error);
      if (this.mayRevive(told.code) && (await this.reattend())) {
        this.retry();
        return;
      }
      this.store.set({ search: { phase: "failed", error: told }, result: null, summary: null });
    }
  }

  private mayRevive(code: number): boolean {
    if (code !== ERROR_CODES.unknownHandle || this.lost >= MOST_LOST) return false;
    this.lost++;
    return true;
  }

  /** A bar filter outlives only the first search after a restore; later results have other bars. */
  private keptBar(): AppState["view"]["bar"] {
    const { result, view } = this.store.get();
    return result === null ? view.bar : null;
  }

  private async summarize(result: SearchResult): Promise<void> {
    const attention = summaryDirection(this.store.get());
    this.store.set({ summarize: { phase: "busy", progress: null } });
    try {
      const outcome = await this.summarizing.run((signal) =>
        this.host.request("summarize", { searchId: result.searchId, attention }, { signal }),
      );
      if (outcome.kind === "superseded") return;
      this.lost = 0;
      this.store.set({ summary: outcome.value, summarize: IDLE });
    } catch (error) {
      const told = asHostError(error);
      if (this.mayRevive(told.code)) this.retry();
      else this.store.set({ summarize: { phase: "failed", error: told }, summary: null });
    }
  }
}
