/** A host without a server: it answers from a recording, and says what the page does not hold. */
import type { Disposable, Host, HostError, Location, SavedFile, Theme } from "../src/host";
import type {
  AttendParams,
  AttendResult,
  Method,
  MethodParams,
  MethodResult,
  SearchParams,
  SearchResult,
  SummarizeParams,
  SummarizeResult,
} from "../src/protocol";
import { SystemTheme, saveInBrowser } from "./browser";
import type { Recording } from "./recording";
import { someLayers } from "./tensors";

/** LSP's RequestFailed: the request is well-formed, and cannot be answered here. */
const REQUEST_FAILED = -32803;

/** What a recording answers: sentences that are identical come once, and any filter means another question. */
function isPlain({ space, weighting, filter, mask, exact, distinct }: SearchParams): boolean {
  return (
    space === "headOutput" &&
    distinct === true &&
    (weighting ?? "uniform") === "uniform" &&
    (filter ?? null) === null &&
    (mask ?? []).length === 0 &&
    (exact ?? null) === null
  );
}

function sameHeads(recorded: readonly number[] | null, asked: readonly number[] | null | undefined): boolean {
  return JSON.stringify(recorded) === JSON.stringify(asked ?? null);
}

export class ReportHost implements Host {
  readonly commands = [] as const;
  readonly state: Host["state"];
  readonly isAlone = true;
  private readonly system = new SystemTheme();

  /** `tell` shows a sentence to the person. */
  constructor(
    private readonly recording: Recording,
    private readonly tell: (sentence: string) => void,
  ) {
    let kept: unknown = recording.view;
    this.state = {
      get: () => kept,
      set: (state) => {
        kept = state;
      },
    };
  }

  get theme(): Theme {
    return this.system.theme;
  }

  onThemeChange(callback: (theme: Theme) => void): Disposable {
    return this.system.onChange(callback);
  }

  async request<M extends Method>(method: M, params: MethodParams<M>): Promise<MethodResult<M>> {
    return this.answer(method, params) as MethodResult<M>;
  }

  private answer(method: Method, params: unknown): unknown {
    const { models, corpora } = this.recording;
    if (method === "listModels") return models;
    if (method === "listCorpora") return corpora;
    if (method === "attend") return this.attend(params as AttendParams);
    if (method === "searchContexts") return this.search(params as SearchParams);
    if (method === "summarize") return this.summarize(params as SummarizeParams);
    throw this.absent(method === "searchRelations" ? "contexts with a relation" : "this");
  }

  private attend(params: AttendParams): AttendResult {
    const { attend } = this.recording;
    const isSame = params.captureId === attend.captureId || params.text === attend.text;
    if (!isSame || (params.textPair ?? null) !== null) throw this.absent("another text");
    if ((params.mask ?? []).length > 0) throw this.absent("the text with masked tokens");
    if ((params.generate ?? 0) > 0) throw this.absent("a continuation of the text");
    if ((params.weights ?? "attention") !== "attention") throw this.absent("value norms");
    const layers = [...(params.layers ?? attend.layers)];
    // of a hybrid only some layers have attention
    const places = layers.map((layer) => attend.layers.indexOf(layer));
    if (places.includes(-1)) throw this.absent("attention of that layer");
    return { ...attend, layers, attention: someLayers(attend.attention, places) };
  }

  private search(params: SearchParams): SearchResult {
    const { token, layer, heads, k } = params;
    if ((params.tokens ?? null) !== null)
      throw this.absent("contexts of whole words; switch off “words” to see those of a token");
    const found = this.recording.searches.find(
      (one) => isPlain(params) && one.token === token && one.layer === layer && sameHeads(one.heads, heads),
    );
    if (found === undefined) throw this.absent("these contexts");
    return { ...found.answer, hits: found.answer.hits.slice(0, k ?? found.answer.hits.length) };
  }

  private summarize({ searchId, attention, includeSpecial }: SummarizeParams): SummarizeResult {
    const found = this.recording.searches.find(({ answer }) => answer.searchId === searchId);
    if (found === undefined || (attention ?? "outgoing") !== "outgoing" || includeSpecial === true)
      throw this.absent("this summary");
    return found.summary;
  }

  private absent(what: string): HostError {
    return {
      code: REQUEST_FAILED,
      message: `this page does not hold ${what}`,
      data: { kind: "notInReport", hint: this.recording.holds },
    };
  }

  openLocation({ document, range }: Location): void {
    this.tell(`${document}, line ${range.start.line + 1}: documents are not in this page.`);
  }

  save(file: SavedFile): void {
    saveInBrowser(file);
  }

  async copy(text: string): Promise<void> {
    await navigator.clipboard.writeText(text);
  }

  onSelection(): Disposable {
    return { dispose: () => {} };
  }

  onServerEvent(): Disposable {
    return { dispose: () => {} };
  }

  runCommand(): void {}
}
