/**
 * The one door between the view and an editor. The view imports nothing else of its host; a host
 * (VS Code webview, JupyterLab widget, the dev page) implements this and calls `mount`.
 */
import type { Expected } from "../../shared/src/findAgain";
import type { ChatMessage, Method, MethodParams, MethodResult, Range } from "./protocol";

export type Theme = "light" | "dark" | "highContrast" | "highContrastLight";

/** What `attend` takes: text (and a second segment), chat messages, or a stretch of an open document. */
export type TextInput =
  | { readonly text: string; readonly textPair?: string }
  | { readonly messages: ChatMessage[] }
  | { readonly textDocument: { readonly uri: string }; readonly range: Range };

/** A new text to look at, with the name that people know it by ("notes.md:12", "cell 4"). */
export interface SelectionEvent {
  readonly input: TextInput;
  readonly label: string;
  /** Whether it is Markdown, whose markup can be left out; absent: by the ending of the document or of the label. */
  readonly isMarkdown?: boolean;
}

/** Work-done progress as it arrives; `percentage` is 0..100. */
export interface Progress {
  readonly message?: string;
  readonly percentage?: number;
}

/** What was chosen with the editor's own commands; absent fields stay as they are. */
export interface Choice {
  readonly model?: string;
  /** Also sent when a corpus has been built or brought up to date. */
  readonly corpus?: string;
  /** An encoded view state: the person opened a link. */
  readonly link?: string;
}

export interface RequestOptions {
  /** Abort means: send `$/cancelRequest`. The promise may then reject or stay open; both are fine. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What a rejected `request` carries: the JSON-RPC error, plainly. */
export interface HostError {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly kind?: string; readonly hint?: string } & Readonly<Record<string, unknown>>;
}

/** What happened to the server. `message` is shown as it is. */
export type ServerEvent =
  | { readonly kind: "starting"; readonly message?: string }
  | { readonly kind: "ready"; readonly message?: string }
  | { readonly kind: "crashed"; readonly message?: string }
  | { readonly kind: "restarted"; readonly message?: string }
  | { readonly kind: "missing"; readonly message?: string };

/** What the view may ask its host to do on behalf of the person. */
export type HostCommand =
  | "indexFolder"
  | "selectModel"
  | "selectCorpus"
  | "showLog"
  | "restartServer"
  | "install"
  | "openSettings";

export interface Location {
  readonly document: string;
  readonly range: Range;
  /** Notebook cell (0-based) in which `range` counts. */
  readonly cell?: number | null;
  /** What stands there as far as is known: the editor looks for it where the document has changed since. */
  readonly expected?: Expected;
}

/** What the view uses: the editor's own commands act on the same. */
export interface InUse {
  /** null: the server's default. */
  readonly model: string | null;
  readonly corpus: string | null;
}

/** What a command of the view is about. */
export interface CommandSubject {
  /** A corpus whose texts are meant. */
  readonly corpus?: string;
}

/** Characters of a text, and their share (0..1) of the strongest attention in it. */
export interface ColoredSpan {
  readonly start: number;
  readonly end: number;
  readonly share: number;
}

/** Where the attention of the pinned token goes (or comes from); offsets are UTF-16, in `text`. */
export interface Coloring {
  readonly text: string;
  readonly pinned: { readonly start: number; readonly end: number } | null;
  readonly spans: readonly ColoredSpan[];
}

export interface SavedFile {
  readonly name: string;
  readonly mime: string;
  readonly data: string | Uint8Array;
}

export interface Disposable {
  dispose(): void;
}

export interface Host {
  /** Rejects with a {@link HostError}. Every call settles or is aborted. */
  request<M extends Method>(method: M, params: MethodParams<M>, options?: RequestOptions): Promise<MethodResult<M>>;
  openLocation(location: Location): void | Promise<void>;
  save(file: SavedFile): void | Promise<void>;
  copy(text: string): void | Promise<void>;
  /** Kept by the host through reloads; plain JSON. `get` gives undefined when there is none. */
  readonly state: { get(): unknown; set(state: unknown): void };
  /** The theme now; read again after each `onThemeChange`. */
  readonly theme: Theme;
  onThemeChange(callback: (theme: Theme) => void): Disposable;
  onSelection(callback: (selection: SelectionEvent) => void): Disposable;
  onServerEvent(callback: (event: ServerEvent) => void): Disposable;
  /** The person has read what the server's event says. Absent: this host repeats no event to a later page. */
  dismissed?(): void;
  /** Absent: this editor has no pickers of its own. */
  onChoice?(callback: (choice: Choice) => void): Disposable;
  /** A document has changed since it was indexed, perhaps: its uri. Absent: this editor cannot say. */
  onDocumentChange?(callback: (uri: string) => void): Disposable;
  /** What is in use now, at each change. `chosen`: the person picked it here, and means it for later views too. */
  inUse?(use: InUse, chosen: boolean): void;
  /** What may be colored in the document itself; null: nothing is pinned. Absent: this editor colors nothing. */
  color?(coloring: Coloring | null): void;
  runCommand(name: HostCommand, subject?: CommandSubject): void;
  /** Commands that this host can run; buttons of the others are not shown. Absent: all of them. */
  readonly commands?: readonly HostCommand[];
  /** Makes one page of a view, to send (`exbert-rpc report`). Absent: this host cannot. */
  makePage?(state: object): Promise<SavedFile>;
  /** No editor stands beside the view: texts are typed into it. Absent: there is one. */
  readonly isAlone?: boolean;
  /** Turns an encoded view state into a link that this editor opens. Absent: `exbert:…` is copied. */
  link?(encodedState: string): string;
}
