/** The webview panel: passes messages between the view and the server, keeps no state of its own. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { Outbox } from "../../shared/src/outbox";
import { unsavedDocuments, watchDocuments } from "./changes";
import { VIEW_TYPE } from "./columns";
import { saveFile } from "./files";
import { openLocation } from "./locations";
import {
  type Choice,
  type Coloring,
  type CommandSubject,
  type HostCommand,
  type InUse,
  type Location,
  type SelectionEvent,
  type ToHost,
  type ToView,
  unreachable,
} from "./messages";
import { toHostError } from "./pure/failures";
import { pageHtml } from "./pure/html";
import type { Server } from "./server";

export interface PanelContext {
  readonly extensionUri: vscode.Uri;
  readonly extensionId: string;
  readonly server: Server;
  readonly log: vscode.LogOutputChannel;
  runCommand(name: HostCommand, subject: CommandSubject): void;
  /** What may be colored in the document; null: nothing. */
  color(coloring: Coloring | null): void;
  /** The person picked a model or a corpus in the view. */
  onChosen(use: InUse): void;
}

export class ViewPanel implements vscode.Disposable {
  private readonly running = new Map<number, vscode.CancellationTokenSource>();
  private readonly disposables: vscode.Disposable[] = [];
  private readonly outbox: Outbox<ToView>;
  private use: InUse | undefined;

  constructor(
    readonly panel: vscode.WebviewPanel,
    private readonly context: PanelContext,
  ) {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(context.extensionUri, "dist")] };
    this.outbox = new Outbox((message) => webview.postMessage(message), makesSuperfluous);
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, "media", "icon.png");
    this.disposables.push(
      webview.onDidReceiveMessage((message: ToHost) => void this.receive(message)),
      // the page is destroyed behind another tab, and made again when it is shown
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.outbox.closed();
      }),
      watchDocuments((uri) => this.outbox.post({ type: "documentChanged", uri: uri.toString() })),
      // a page that loads later is told what is so then
      context.server.onEvent((event) => this.outbox.postNow({ type: "server", event })),
      panel.onDidDispose(() => this.dispose()),
    );
    webview.html = this.page();
  }

  static create(context: PanelContext): ViewPanel {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    return new ViewPanel(
      vscode.window.createWebviewPanel(VIEW_TYPE, "exBERT", column, { enableScripts: true }),
      context,
    );
  }

  /** What the page said last that it uses. */
  get inUse(): InUse | undefined {
    return this.use;
  }

  /** Shows a text; kept until the view is ready for it. */
  explore(selection: SelectionEvent): void {
    this.panel.title = `exBERT: ${selection.label}`;
    this.outbox.post({ type: "selection", selection });
  }

  /** Passes on what was chosen with a command. */
  prefer(choice: Choice): void {
    // a page that is not there yet will use it
    if (this.use !== undefined) this.use = { ...this.use, ...used(choice) };
    this.outbox.post({ type: "choice", choice });
  }

  dispose(): void {
    this.context.color(null);
    this.cancelAll();
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  private async receive(message: ToHost): Promise<void> {
    try {
      await this.handle(message);
    } catch (error) {
      const { message: text } = toHostError(error);
      this.context.log.error(text);
      void vscode.window.showErrorMessage(`exBERT: ${text}`);
    }
  }

  private async handle(message: ToHost): Promise<void> {
    switch (message.type) {
      case "ready":
        return this.onReady();
      case "request":
        return this.request(message);
      case "cancel":
        return this.running.get(message.id)?.cancel();
      case "openLocation":
        return this.open(message.location);
      case "save":
        return void (await saveFile(message.file));
      case "copy":
        return vscode.env.clipboard.writeText(message.text);
      case "dismissed":
        return this.context.server.acknowledge();
      case "color":
        return this.context.color(message.coloring);
      case "inUse":
        return this.used(message.use, message.chosen);
      case "command":
        return this.context.runCommand(message.name, message.subject);
      default:
        unreachable(message);
    }
  }

  /** Opens a hit; says so when its sentence is elsewhere or gone. */
  private async open(location: Location): Promise<void> {
    const outcome = await openLocation(location);
    const name = vscode.Uri.parse(location.document).path.split("/").pop() ?? location.document;
    if (outcome === "shown") return;
    if (outcome === "moved") {
      vscode.window.setStatusBarMessage(`exBERT: ${name} has changed; the sentence was found at another place`, 6000);
      return;
    }
    const what = outcome === "gone" ? `The sentence is no longer in ${name}.` : `${name} is no longer there.`;
    const answer = await vscode.window.showWarningMessage(what, "Index Again");
    const corpus = this.use?.corpus ?? null;
    if (answer === "Index Again") this.context.runCommand("indexFolder", corpus === null ? {} : { corpus });
  }

  private used(use: InUse, chosen: boolean): void {
    this.use = use;
    if (chosen) this.context.onChosen(use);
  }

  /** The page has (re)loaded: answers to an earlier page are no longer wanted. */
  private onReady(): void {
    this.cancelAll();
    const event = this.context.server.state;
    this.outbox.opened();
    for (const { uri } of unsavedDocuments()) this.outbox.postNow({ type: "documentChanged", uri: uri.toString() });
    if (event !== undefined) this.outbox.postNow({ type: "server", event });
  }

  private async request({ id, method, params, progress }: Extract<ToHost, { type: "request" }>): Promise<void> {
    const cancel = new vscode.CancellationTokenSource();
    this.running.set(id, cancel);
    try {
      await openNamedDocument(params);
      const result = await this.context.server.request(method, params as never, {
        token: cancel.token,
        ...(progress ? { onProgress: (value) => this.outbox.postNow({ type: "progress", id, progress: value }) } : {}),
      });
      this.outbox.postNow({ type: "response", id, result });
    } catch (error) {
      this.outbox.postNow({ type: "failure", id, error: toHostError(error) });
    } finally {
      this.running.delete(id);
      cancel.dispose();
    }
  }

  private cancelAll(): void {
    for (const cancel of this.running.values()) cancel.cancel();
    this.running.clear();
  }

  private page(): string {
    const { webview } = this.panel;
    const asset = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.context.extensionUri, "dist", name)).toString();
    return pageHtml({
      nonce: randomBytes(18).toString("base64url"),
      cspSource: webview.cspSource,
      scriptUri: asset("webview.js"),
      styleUris: [asset("view.css"), asset("theme.css")],
      linkPrefix: `${vscode.env.uriScheme}://${this.context.extensionId}/view?state=`,
    });
  }
}

function used({ model, corpus }: Choice): Partial<InUse> {
  return { ...(model === undefined ? {} : { model }), ...(corpus === undefined ? {} : { corpus }) };
}

/** While there is no page: of several texts that were explored the last counts, and of a document one change. */
function makesSuperfluous(message: ToView, earlier: ToView): boolean {
  if (message.type === "selection") return earlier.type === "selection";
  return message.type === "documentChanged" && earlier.type === "documentChanged" && earlier.uri === message.uri;
}

/** A restored view may name a document that is not open yet; opening it sends its text to the server. */
async function openNamedDocument(params: unknown): Promise<void> {
  const uri = (params as { textDocument?: { uri?: unknown } | null } | null)?.textDocument?.uri;
  if (typeof uri !== "string") return;
  const parsed = vscode.Uri.parse(uri);
  if (parsed.scheme === "file") await vscode.workspace.openTextDocument(parsed);
}
