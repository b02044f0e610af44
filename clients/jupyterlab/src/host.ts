/** The view's door into JupyterLab: implements `Host` and nothing else. */
import { Clipboard, Notification } from "@jupyterlab/apputils";
import type { Methods } from "#protocol";
import { Emitter } from "#shared/emitter";
import type {
  Choice,
  Coloring,
  CommandSubject,
  Disposable,
  Host,
  HostCommand,
  InUse,
  Location,
  RequestOptions,
  SavedFile,
  SelectionEvent,
  ServerEvent,
  Theme,
} from "#view";
import type { Session } from "./session";

/** What the host needs of JupyterLab; the panel hands it in. */
export interface HostContext {
  readonly session: Session;
  readonly state: { get(): unknown; set(state: unknown): void };
  readonly theme: () => Theme;
  readonly openLocation: (location: Location) => Promise<void>;
  readonly runCommand: (name: HostCommand, subject: CommandSubject) => void;
  /** The person picked a model or a corpus in the view. */
  readonly chosen: (use: InUse) => void;
  readonly color: (coloring: Coloring | null) => void;
  readonly link: (encodedState: string) => string;
}

export class JupyterHost implements Host {
  /** Installing, and choosing the interpreter, are done where Jupyter runs: the messages say how. */
  readonly commands: readonly HostCommand[] = [
    "indexFolder",
    "selectModel",
    "selectCorpus",
    "showLog",
    "restartServer",
  ];
  readonly state: Host["state"];
  /** JupyterLab's theme has changed. */
  readonly themes = new Emitter<Theme>();
  /** A person wants to see a text. */
  readonly selections = new Emitter<SelectionEvent>();
  /** A person chose a model, a corpus or a link outside of the view. */
  readonly choices = new Emitter<Choice>();

  /** A document is no longer what was indexed, perhaps. */
  readonly documentChanges = new Emitter<string>();
  /** What the view said last that it uses. */
  use: InUse | null = null;

  constructor(private readonly context: HostContext) {
    this.state = context.state;
  }

  get theme(): Theme {
    return this.context.theme();
  }

  request<M extends keyof Methods>(
    method: M,
    params: Methods[M]["params"],
    options?: RequestOptions,
  ): Promise<Methods[M]["result"]> {
    return this.context.session.request(method, params, options);
  }

  openLocation(location: Location): Promise<void> {
    return this.context.openLocation(location);
  }

  save({ name, mime, data }: SavedFile): void {
    const part = typeof data === "string" ? data : new Uint8Array(data);
    const url = URL.createObjectURL(new Blob([part], { type: mime }));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  async copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // no permission, or a page that is not served securely
      Clipboard.copyToSystem(text);
    }
  }

  onThemeChange(callback: (theme: Theme) => void): Disposable {
    return this.themes.on(callback);
  }

  onSelection(callback: (selection: SelectionEvent) => void): Disposable {
    return this.selections.on(callback);
  }

  onChoice(callback: (choice: Choice) => void): Disposable {
    return this.choices.on(callback);
  }

  onServerEvent(callback: (event: ServerEvent) => void) {
    return this.context.session.onEvent(callback);
  }

  onDocumentChange(callback: (uri: string) => void): Disposable {
    return this.documentChanges.on(callback);
  }

  inUse(use: InUse, chosen: boolean): void {
    this.use = use;
    if (chosen) {
      this.context.chosen(use);
    }
  }

  color(coloring: Coloring | null): void {
    this.context.color(coloring);
  }

  runCommand(name: HostCommand, subject: CommandSubject = {}): void {
    this.context.runCommand(name, subject);
  }

  link(encodedState: string): string {
    return this.context.link(encodedState);
  }
}

/** Says that a hit's sentence is no longer in its document, and offers to index again. */
export function tellGone(document: string, indexAgain: () => void): void {
  const actions = [{ label: "Index again", callback: indexAgain }];
  Notification.warning(`The sentence is no longer in ${document}.`, { autoClose: 15_000, actions });
}

/** Says why a hit's document cannot be opened. */
export function tellUnopened(document: string, reason: string): void {
  Notification.warning(`${document} cannot be opened: ${reason}`, { autoClose: 8000 });
}

/** Says where a hit is in a document that opens in a tab of the browser of its own. */
export function tellElsewhere(document: string, place: string): void {
  Notification.info(`${document} opens in another tab: ${place}.`, { autoClose: 8000 });
}
