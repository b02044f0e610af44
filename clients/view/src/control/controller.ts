/** What a person can do. Every action changes the state; requests follow from the change. */

import { chatMessages } from "../../../shared/src/chatMessages";
import { type AppState, type Hover, IDLE, initialState, layersOf, nameOf, queryTokens } from "../app";
import type { Choice, Disposable, Host, SelectionEvent, ServerEvent, TextInput } from "../host";
import { plainUri } from "../logic/places";
import { proseOf } from "../logic/prose";
import type { Pane, PanePart, PartsOf } from "../pane";
import type { PANES } from "../panes";
import { composeState, type HeadAt, type Pin, type Stack, type StateCodec, type ViewState } from "../state";
import { Store } from "../store";
import { CaptureLoader } from "./captures";
import { asHostError } from "./errors";
import { isMarkdown, readable } from "./markdown";
import type { Pass } from "./passes";

const SAVE_MS = 200;

/** The chat messages that a selected text is, or the input as it is. */
function withMessages(input: TextInput): TextInput {
  const messages = "text" in input && input.textPair === undefined ? chatMessages(input.text) : null;
  return messages === null ? input : { messages };
}

export class Controller {
  readonly store: Store<AppState>;
  readonly captures: CaptureLoader;
  /** The requests of each pane, by its id. */
  readonly parts: PartsOf<typeof PANES>;
  private readonly codec: StateCodec;
  private readonly allParts: readonly PanePart[];
  private readonly disposables: Disposable[] = [];
  private usedKey = "";
  private saveTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly host: Host,
    readonly panes: readonly Pane[],
  ) {
    this.codec = composeState(panes);
    this.store = new Store(initialState(host.theme, this.codec.fresh, panes));
    this.captures = new CaptureLoader(host, this.store, () => this.allParts);
    const parts = panes.map((pane) => [pane.id, pane.start(this)] as const);
    this.allParts = parts.map(([, part]) => part);
    this.parts = Object.fromEntries(parts) as unknown as PartsOf<typeof PANES>;
  }

  start(): void {
    const { host, store } = this;
    this.disposables.push(
      host.onThemeChange((theme) => store.set({ theme })),
      host.onSelection((selection) => this.select(selection)),
      host.onServerEvent((event) => this.serverEvent(event)),
      ...(host.onDocumentChange === undefined ? [] : [host.onDocumentChange((uri) => this.documentChanged(uri))]),
      ...(host.onChoice === undefined ? [] : [host.onChoice((choice) => this.follow(choice))]),
      { dispose: store.subscribe(() => this.changed()) },
    );
    const kept = this.codec.read(host.state.get());
    if (kept !== null) this.restore(kept);
    void this.lists();
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
    this.captures.dispose();
    for (const part of this.allParts) part.cancel?.();
    if (this.saveTimer !== null) clearTimeout(this.saveTimer);
  }

  private changed(): void {
    for (const part of this.allParts) part.changed?.();
    this.tellUse(false);
    if (this.saveTimer === null) {
      this.saveTimer = setTimeout(() => {
        this.saveTimer = null;
        this.host.state.set(this.portable());
      }, SAVE_MS);
    }
  }

  /** Tells the editor what is in use, where that has changed or `chosen` by the person. */
  private tellUse(chosen: boolean): void {
    const { view, capture } = this.store.get();
    const use = { model: view.model ?? capture?.model.id ?? null, corpus: view.corpus };
    const key = JSON.stringify(use);
    if (key === this.usedKey && !chosen) return;
    this.usedKey = key;
    this.host.inUse?.(use, chosen);
  }

  /** The person picked a model in the view: the editor's commands use it from now on. */
  chooseModel(model: string): void {
    this.setModel(model);
    this.tellUse(true);
  }

  chooseCorpus(corpus: string | null): void {
    this.setCorpus(corpus);
    this.tellUse(true);
  }

  private documentChanged(uri: string): void {
    const { changed } = this.store.get();
    const plain = plainUri(uri);
    if (!changed.includes(plain)) this.store.set({ changed: [...changed, plain] });
  }

  /** The choices with the text itself, so that they mean the same wherever and whenever they are restored. */
  portable(): ViewState {
    const { view, capture } = this.store.get();
    if (capture === null || view.input === null || !("textDocument" in view.input)) return view;
    return { ...view, input: { text: capture.text } };
  }

  link(): string {
    const encoded = this.codec.encode(this.portable());
    return this.host.link?.(encoded) ?? `exbert:${encoded}`;
  }

  /** Takes a pasted link or JSON. False when it is neither. */
  paste(text: string): boolean {
    const view = this.codec.parse(text);
    if (view !== null) this.restore(view);
    return view !== null;
  }

  restore(view: ViewState): void {
    this.store.set({ view, undo: [], capture: null });
    if (view.input !== null) void this.captures.load(view.input);
  }

  update(change: Partial<ViewState>): void {
    const { view } = this.store.get();
    this.store.set({ view: { ...view, ...change } });
  }

  /** Changes what the answers on show are about; choices about those answers are set back. */
  private updateQuery(change: Partial<ViewState>): void {
    this.update({ ...this.codec.perQuery, ...change });
  }

  select(selection: SelectionEvent): void {
    const { view } = this.store.get();
    const messages = withMessages(selection.input);
    if (messages !== selection.input) {
      void this.read(messages, selection.label, null).then((read) => {
        if (!read) this.asText(messages, selection.input);
      });
      return;
    }
    const { input, source } = readable(selection, view.asProse);
    void this.read(input, selection.label, source);
    if ("textDocument" in input && isMarkdown(selection)) void this.selectText(selection, input);
  }

  /** Shows messages that the model cannot take as the text that they are. */
  private asText(messages: TextInput, text: TextInput): void {
    const { attend, view } = this.store.get();
    if (view.input !== messages || attend.phase !== "failed") return;
    if (!String(attend.error.data?.field ?? "").startsWith("messages")) return;
    const fallback = `This is read as a text, not as chat messages. ${attend.error.message}`;
    this.update({ input: text });
    void this.captures.load(text).then(() => this.store.set({ fallbacks: [fallback] }));
  }

  private read(input: TextInput, label: string, source: string | null): Promise<boolean> {
    this.store.set({ undo: [], hover: null });
    const fresh = { pinned: null, mask: [], without: [], generate: 0, pane: this.paneForText() };
    this.updateQuery({ input, label, source, ...fresh });
    return this.captures.load(input);
  }

  /** What stands in a range of an open document, the server knows: once it has said so, markup is left out. */
  private async selectText(selection: SelectionEvent, input: TextInput): Promise<void> {
    const { asProse } = this.store.get().view;
    const isRead = () => this.store.get().view.input === input;
    const asked = this.captures.settled();
    if (!(await asked) || !isRead()) return;
    const text = this.store.get().capture?.text ?? "";
    const { input: prose, source } = readable({ ...selection, input: { text }, isMarkdown: true }, asProse);
    if (source === null) return;
    if (asProse) void this.read(prose, selection.label, source);
    else this.update({ source });
  }

  /** Reads Markdown without its markup, or as it is written. */
  setProse(asProse: boolean): void {
    const { source, label } = this.store.get().view;
    this.update({ asProse });
    if (source !== null) void this.read({ text: asProse ? proseOf(source).text : source }, label, source);
  }

  /** Shows a pass again: its text, model, mask and the heads that are off. */
  show(pass: Pass): void {
    this.store.set({ undo: [], hover: null });
    this.updateQuery({ ...pass, source: null, pinned: null });
    void this.reload();
  }

  /** Where another text is shown: a pane that is about a pinned token has nothing to say of it yet. */
  private paneForText(): string {
    const { pane } = this.store.get().view;
    return this.panes.find(({ id }) => id === pane)?.followsText === true ? pane : this.panes[0].id;
  }

  /** Reads another text and looks at a token of it, with the choices of `change`. */
  explore({ input, label }: SelectionEvent, token: number, change: Partial<ViewState>): void {
    this.store.set({ undo: [], hover: null });
    this.updateQuery({
      stack: "encoder",
      ...change,
      input,
      label,
      source: null,
      mask: [],
      without: [],
      generate: 0,
      pinned: { side: "left", token },
    });
    void this.captures.load(input);
  }

  /** Does what was chosen with the editor's commands. */
  private follow({ model, corpus, link }: Choice): void {
    if (link !== undefined) this.paste(link);
    if (model !== undefined) this.setModel(model);
    if (corpus === undefined) return;
    this.setCorpus(corpus);
    this.store.set({ changed: [] });
    // also when the name is the same: its contents may be new
    for (const part of this.allParts) part.corpusBuilt?.();
    void this.lists();
  }

  reload(): Promise<boolean> {
    const { input } = this.store.get().view;
    return input === null ? Promise.resolve(false) : this.captures.load(input);
  }

  private serverEvent(event: ServerEvent): void {
    this.store.set({ server: event.kind === "ready" ? null : event });
    if (event.kind !== "restarted" && event.kind !== "ready") return;
    const { attend, models } = this.store.get();
    // handles of the old process mean nothing to the new one
    if (event.kind === "restarted" || attend.phase === "failed") void this.reload();
    if (event.kind === "restarted" || models === null) void this.lists();
    if (event.kind === "restarted") this.store.set({ server: event, notice: "The server was restarted." });
  }

  /** The person has read what happened to the server, and is not told again. */
  dismissServer(): void {
    this.store.set({ server: null });
    this.host.dismissed?.();
  }

  async lists(): Promise<void> {
    this.store.set({ corporaStatus: { phase: "busy", progress: null } });
    try {
      const [{ models }, { corpora }] = await Promise.all([
        this.host.request("listModels", {}),
        this.host.request("listCorpora", {}),
      ]);
      this.store.set({ models, corpora, corporaStatus: IDLE });
      const { view } = this.store.get();
      if (view.corpus !== null || corpora.length === 0) return;
      // a corpus of another model could not be searched
      const model = view.model ?? models.find((one) => one.isDefault)?.id;
      this.update({ corpus: (corpora.find((one) => one.model === model) ?? corpora[0]).corpus });
    } catch (error) {
      this.store.set({ corporaStatus: { phase: "failed", error: asHostError(error) } });
    }
  }

  setModel(model: string): void {
    this.store.set({ undo: [] });
    this.updateQuery({ model, mask: [], without: [], generate: 0, pinned: null });
    void this.reload();
  }

  setCorpus(corpus: string | null): void {
    this.updateQuery({ corpus });
  }

  setLayer(layer: number): void {
    this.update({ layer });
  }

  setStack(stack: Stack): void {
    const { view, capture } = this.store.get();
    const nLayers = capture === null ? 1 : layersOf(capture, stack);
    this.store.set({ hover: null });
    this.update({ stack, layer: Math.min(view.layer, nLayers - 1), pinned: null });
  }

  private allHeads(): number[] {
    const { capture } = this.store.get();
    return Array.from({ length: capture?.model.nHeads ?? 0 }, (_, i) => i);
  }

  toggleHead(head: number): void {
    const { heads } = this.store.get().view;
    const now = heads ?? this.allHeads();
    const next = now.includes(head) ? now.filter((other) => other !== head) : [...now, head].sort((a, b) => a - b);
    this.update({ heads: next.length === this.allHeads().length ? null : next });
  }

  onlyHead(layer: number, head: number): void {
    this.update({ heads: [head], layer });
  }

  setHeads(heads: readonly number[] | null): void {
    this.update({ heads });
  }

  hover(hover: Hover | null): void {
    this.store.set({ hover });
  }

  preview(head: number | null): void {
    this.store.set({ previewHead: head });
  }

  pin(pin: Pin): void {
    const { pinned } = this.store.get().view;
    const same = pinned !== null && pinned.side === pin.side && pinned.token === pin.token;
    this.updateQuery({ pinned: same ? null : pin });
  }

  unpin(): void {
    this.updateQuery({ pinned: null });
  }

  /** Why masking is impossible; null when it is possible. */
  maskRefusal(): string | null {
    const { capture } = this.store.get();
    if (capture === null) return "No text is loaded.";
    if (capture.model.maskToken === null) return "This model's tokenizer has no mask token.";
    return null;
  }

  /** Masks the given tokens, or takes the mask off when all of them have it. */
  toggleMask(tokens: readonly number[]): void {
    const refusal = this.maskRefusal();
    if (refusal !== null) {
      this.store.set({ notice: refusal });
      return;
    }
    const { mask } = this.store.get().view;
    const all = tokens.every((token) => mask.includes(token));
    const next = all
      ? mask.filter((token) => !tokens.includes(token))
      : [...new Set([...mask, ...tokens])].sort((a, b) => a - b);
    this.setMask(next);
  }

  setMask(mask: readonly number[]): void {
    const { view, undo } = this.store.get();
    this.store.set({ undo: [...undo, view.mask] });
    this.update({ mask });
    void this.reload();
  }

  /** Reads the text again with these heads off; [] reads it with all. */
  setWithout(without: readonly HeadAt[], withoutMode: ViewState["withoutMode"]): void {
    this.update({ without, withoutMode });
    void this.reload();
  }

  /** Lets the model write this many tokens behind the text; 0 shows the text alone again. */
  setGenerated(generate: number): void {
    this.update({ generate });
    void this.reload();
  }

  undoMask(): void {
    const { undo } = this.store.get();
    if (undo.length === 0) return;
    this.store.set({ undo: undo.slice(0, -1) });
    this.update({ mask: undo[undo.length - 1] });
    void this.reload();
  }

  reset(): void {
    const { input, label, source, asProse, model, corpus } = this.store.get().view;
    this.restore({ ...this.codec.fresh, input, label, source, asProse, model, corpus });
  }

  async copy(text: string, what: string): Promise<void> {
    try {
      await this.host.copy(text);
      this.store.set({ notice: `${what} copied.` });
    } catch (error) {
      this.store.set({ notice: `${what} could not be copied: ${asHostError(error).message}` });
    }
  }

  async save(name: string, mime: string, data: string | Uint8Array): Promise<void> {
    try {
      await this.host.save({ name, mime, data });
    } catch (error) {
      this.store.set({ notice: `${name} could not be saved: ${asHostError(error).message}` });
    }
  }

  /** Saves what is on show as one page that needs no server. */
  async savePage(): Promise<void> {
    this.store.set({ notice: "Making the page …" });
    try {
      const page = await this.host.makePage?.(this.portable());
      if (page !== undefined) await this.host.save(page);
    } catch (error) {
      this.store.set({ notice: `The page could not be made: ${asHostError(error).message}` });
    }
  }

  /** How people call what is searched, a token or a word: “escape”. */
  queryName(): string {
    return nameOf(queryTokens(this.store.get()));
  }
}
