/** A host without an editor: answers from the generator, logs what it is asked to do. */
import type {
  CommandSubject,
  Disposable,
  Host,
  HostError,
  RequestOptions,
  SelectionEvent,
  ServerEvent,
  Theme,
} from "../src/host";
import { decodeTensor } from "../src/logic/tensor";
import type {
  AblateHeadsParams,
  AttendParams,
  AttendResult,
  CompareCapturesParams,
  DecomposeParams,
  Method,
  MethodParams,
  MethodResult,
  ProfileParams,
  QueryKeyParams,
  SearchParams,
  SearchRelationsParams,
  SearchRelationsResult,
  SearchResult,
  SummarizeParams,
} from "../src/protocol";
import { attend, capture, describeModel, MINI, type Synthetic, type SyntheticCapture, tokenize } from "./synthetic";
import { compareCaptures } from "./syntheticCompare";
import { search, searchRelations, summarize } from "./syntheticCorpus";
import { ablateHeads, decompose } from "./syntheticEffects";
import { profileHeads } from "./syntheticHeads";
import { queryKeyOf } from "./syntheticRow";

export interface FixtureOptions {
  readonly made?: Synthetic;
  readonly theme?: Theme;
  readonly corpora?: readonly string[];
  /** Milliseconds that every answer takes. */
  readonly delay?: number;
  /** Errors by method. */
  readonly errors?: Partial<Record<Method, HostError>>;
  readonly state?: unknown;
  /** What open documents hold, by uri. */
  readonly documents?: Readonly<Record<string, string>>;
  /** The largest answer. */
  readonly answerBytes?: number;
}

class Listeners<T> {
  private readonly all = new Set<(value: T) => void>();

  readonly on = (callback: (value: T) => void): Disposable => {
    this.all.add(callback);
    return { dispose: () => this.all.delete(callback) };
  };

  fire(value: T): void {
    for (const callback of [...this.all]) callback(value);
  }

  get size(): number {
    return this.all.size;
  }
}

function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject({
        code: -32800,
        message: "the request was cancelled",
        data: { kind: "cancelled", hint: "" },
      } satisfies HostError);
    });
  });
}

export class FixtureHost implements Host {
  theme: Theme;
  readonly selections = new Listeners<SelectionEvent>();
  readonly themes = new Listeners<Theme>();
  readonly events = new Listeners<ServerEvent>();
  /** Everything the view asked for, in order. */
  readonly log: { readonly what: string; readonly value: unknown; readonly subject?: CommandSubject }[] = [];
  readonly onSelection = this.selections.on;
  readonly onThemeChange = this.themes.on;
  readonly onServerEvent = this.events.on;
  private kept: unknown;
  private readonly captures = new Map<string, SyntheticCapture>();
  private readonly searches = new Map<string, SearchResult | SearchRelationsResult>();
  errors: Partial<Record<Method, HostError>>;
  delay: number;
  made: Synthetic;

  constructor(private readonly options: FixtureOptions = {}) {
    this.theme = options.theme ?? "light";
    this.kept = options.state;
    this.errors = { ...options.errors };
    this.delay = options.delay ?? 0;
    this.made = options.made ?? MINI;
  }

  readonly state = {
    get: () => this.kept,
    set: (state: unknown) => {
      this.kept = state;
    },
  };

  async request<M extends Method>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    this.log.push({ what: method, value: params });
    if (this.delay > 200) options.onProgress?.({ message: "reading weights", percentage: 40 });
    await wait(this.delay, options.signal);
    const error = this.errors[method];
    if (error !== undefined) throw error;
    return this.answer(method, params) as MethodResult<M>;
  }

  protected answer(method: Method, params: unknown): unknown {
    switch (method) {
      case "attend":
        return this.attend(params as AttendParams);
      case "searchContexts":
        return this.search(params as SearchParams);
      case "searchRelations":
        return this.searchRelations(params as SearchRelationsParams);
      case "summarize":
        return this.summarize(params as SummarizeParams);
      case "profileHeads":
        return profileHeads(params as ProfileParams, describeModel(this.made));
      case "ablateHeads": {
        const asked = params as AblateHeadsParams;
        const answer = ablateHeads(asked, describeModel(this.made), this.lastToken(asked.captureId));
        return asked.keep === true ? { ...answer, captureId: this.without(asked) } : answer;
      }
      case "compareCaptures": {
        const [a, b] = (params as CompareCapturesParams).captureIds;
        return compareCaptures(this.held(a), this.held(b));
      }
      case "decompose": {
        const asked = params as DecomposeParams;
        const against = typeof asked.against === "string" ? tokenize(this.made, asked.against, null, []) : null;
        return decompose(asked, describeModel(this.made), this.lastToken(asked.captureId), against?.length ?? null);
      }
      case "queryKey":
        return this.queryKey(params as QueryKeyParams);
      case "listModels":
        return { models: [{ id: describeModel(this.made).id, source: "fixture", loaded: true, isDefault: true }] };
      case "listCorpora":
        return { corpora: (this.options.corpora ?? ["brown"]).map((corpus) => this.corpus(corpus)) };
      default:
        throw { code: -32601, message: `no such method: ${method}` } satisfies HostError;
    }
  }

  private corpus(corpus: string) {
    return {
      corpus,
      model: describeModel(this.made).id,
      pipeline: "en_core_web_sm",
      precision: "int8" as const,
      documents: 500,
      sentences: 6000,
      tokens: 138_912,
      bytes: 5e7,
      layers: [0, 1, 2, 3, 4, 5],
      spaces: ["headOutput" as const, "hiddenState" as const],
      fingerprint: "synthetic",
      damaged: [],
    };
  }

  /** As a server does: by the size on the wire. */
  private checked(held: SyntheticCapture, params: AttendParams): AttendResult {
    const n = held.tokens.length;
    const cells = (params.layers?.length ?? this.made.nLayers) * (params.heads?.length ?? this.made.nHeads) * n * n;
    const bytes = cells * (params.tensors === "uint8" ? 4 / 3 : params.tensors === "float16" ? 8 / 3 : 11);
    const limit = this.options.answerBytes ?? 48 << 20;
    if (bytes > limit)
      throw {
        code: -33007,
        message: "the attention would take too much",
        data: { kind: "answerTooLarge", hint: "Ask for fewer layers or heads.", bytes, limit },
      } satisfies HostError;
    return attend(held, params);
  }

  protected attend(params: AttendParams): AttendResult {
    if (typeof params.captureId === "string") {
      return this.checked(this.held(params.captureId), params);
    }
    if ((params.layers ?? []).some((layer) => layer >= this.made.nLayers)) {
      throw {
        code: -32602,
        message: `layers: this model has ${this.made.nLayers} layers`,
        data: { kind: "invalidParams", hint: "" },
      } satisfies HostError;
    }
    const without = (params.layers ?? []).find((layer) => this.made.attentionLayers?.includes(layer) === false);
    if (without !== undefined)
      throw {
        code: -32602,
        message: `layers: layer ${without} has no softmax attention`,
        data: { kind: "invalidParams", hint: "" },
      } satisfies HostError;
    const document = this.options.documents?.[params.textDocument?.uri ?? ""];
    const held = capture(
      this.made,
      document === undefined ? params : { ...params, text: document },
      `capture-${this.captures.size}`,
    );
    const answer = this.checked(held, params);
    this.captures.set(held.id, held);
    return answer;
  }

  private search(params: SearchParams) {
    const found = search(params, describeModel(this.made), `search-${this.searches.size}`);
    const result = { ...found, stats: { ...found.stats, note: this.made.searchNote ?? null } };
    this.searches.set(result.searchId, result);
    return result;
  }

  private searchRelations(params: SearchRelationsParams) {
    const { tokens } = this.held(params.captureId);
    const ends = [params.source, params.target].map((index) => tokens[index]);
    if (ends.some((token) => token === undefined || token.isSpecial))
      throw {
        code: -32602,
        message: "target: this token is special",
        data: { kind: "invalidParams", hint: "mark a token of the text" },
      } satisfies HostError;
    const result = searchRelations(params, describeModel(this.made), `search-${this.searches.size}`, ends);
    this.searches.set(result.searchId, result);
    return result;
  }

  private queryKey(params: QueryKeyParams) {
    const { captureId, layer, head, token } = params;
    const { attention } = this.attend({ captureId, layers: [layer], heads: [head], tensors: "uint8" });
    const { values } = decodeTensor(attention);
    const n = attention.shape[3];
    return queryKeyOf(params, values.subarray(token * n, (token + 1) * n));
  }

  private lastToken(captureId: string | null | undefined): number {
    return this.held(captureId).tokens.length - 1;
  }

  private held(captureId: string | null | undefined): SyntheticCapture {
    const held = this.captures.get(captureId ?? "");
    if (held === undefined)
      throw { code: -33008, message: "unknown capture", data: { kind: "unknownHandle", hint: "" } } satisfies HostError;
    return held;
  }

  /** Keeps the pass without the heads; only a pass with all heads has one. */
  private without(asked: AblateHeadsParams): string {
    const held = this.held(asked.captureId);
    if (asked.heads === "each" || held.off.length > 0)
      throw {
        code: -32602,
        message: "captureId: heads of this pass are off already",
        data: { kind: "invalidParams", hint: "" },
      } satisfies HostError;
    const id = `capture-${this.captures.size}`;
    this.captures.set(id, { ...held, id, off: asked.heads });
    return id;
  }

  private summarize(params: SummarizeParams) {
    const result = this.searches.get(params.searchId ?? "");
    if (result === undefined)
      throw { code: -33008, message: "unknown search", data: { kind: "unknownHandle", hint: "" } } satisfies HostError;
    return summarize(result, params.attention ?? "outgoing", params.controls ?? undefined);
  }

  openLocation(location: unknown): void {
    this.log.push({ what: "openLocation", value: location });
  }

  save(file: { name: string; mime: string; data: string | Uint8Array }): void {
    this.log.push({ what: "save", value: file });
  }

  copy(text: string): void {
    this.log.push({ what: "copy", value: text });
  }

  runCommand(name: string, subject?: CommandSubject): void {
    this.log.push({ what: "command", value: name, ...(subject === undefined ? {} : { subject }) });
  }

  /** Forgets all handles, as a restarted server does. */
  forget(): void {
    this.captures.clear();
    this.searches.clear();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.themes.fire(theme);
  }
}
