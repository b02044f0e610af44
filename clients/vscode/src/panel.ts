/** The webview panel: passes messages between the view and the server, keeps no state of its own. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { saveFile } from "./files";
import { openLocation } from "./locations";
import { type Choice, type HostCommand, type SelectionEvent, type ToHost, type ToView, unreachable } from "./messages";
import { toHostError } from "./pure/failures";
import { pageHtml } from "./pure/html";
import type { Server } from "./server";

export const VIEW_TYPE = "exbert.view";

export interface PanelContext {
  readonly extensionUri: vscode.Uri;
  readonly extensionId: string;
  readonly server: Server;
  readonly log: vscode.LogOutputChannel;
  runCommand(name: HostCommand): void;
}

export class ViewPanel implements vscode.Disposable {
  private readonly running = new Map<number, vscode.CancellationTokenSource>();
  private readonly disposables: vscode.Disposable[] = [];
  private isReady = false;
  private readonly waiting: ToView[] = [];

  constructor(
    readonly panel: vscode.WebviewPanel,
    private readonly context: PanelContext,
  ) {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(context.extensionUri, "dist")] };
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, "media", "icon.png");
    this.disposables.push(
      webview.onDidReceiveMessage((message: ToHost) => void this.receive(message)),
      context.server.onEvent((event) => this.post({ type: "server", event })),
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

  /** Shows a text; kept until the view is ready for it. */
  explore(selection: SelectionEvent): void {
    this.panel.title = `exBERT: ${selection.label}`;
    this.postWhenReady({ type: "selection", selection });
  }

  /** Passes on what was chosen with a command. */
  prefer(choice: Choice): void {
    this.postWhenReady({ type: "choice", choice });
  }

  dispose(): void {
    this.cancelAll();
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  private post(message: ToView): void {
    if (this.isReady) void this.panel.webview.postMessage(message);
  }

  private postWhenReady(message: ToView): void {
    if (this.isReady) this.post(message);
    else this.waiting.push(message);
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
        return openLocation(message.location, this.panel.viewColumn);
      case "save":
        return void (await saveFile(message.file));
      case "copy":
        return vscode.env.clipboard.writeText(message.text);
      case "command":
        return this.context.runCommand(message.name);
      default:
        unreachable(message);
    }
  }

  /** The page has (re)loaded: answers to an earlier page are no longer wanted. */
  private onReady(): void {
    this.cancelAll();
    this.isReady = true;
    const event = this.context.server.state;
    if (event !== undefined) this.post({ type: "server", event });
    for (const message of this.waiting.splice(0)) this.post(message);
  }

  private async request({ id, method, params, progress }: Extract<ToHost, { type: "request" }>): Promise<void> {
    const cancel = new vscode.CancellationTokenSource();
    this.running.set(id, cancel);
    try {
      await openNamedDocument(params);
      const result = await this.context.server.request(method, params as never, {
        token: cancel.token,
        ...(progress ? { onProgress: (value) => this.post({ type: "progress", id, progress: value }) } : {}),
      });
      this.post({ type: "response", id, result });
    } catch (error) {
      this.post({ type: "failure", id, error: toHostError(error) });
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

/** A restored view may name a document that is not open yet; opening it sends its text to the server. */
async function openNamedDocument(params: unknown): Promise<void> {
  const uri = (params as { textDocument?: { uri?: unknown } | null } | null)?.textDocument?.uri;
  if (typeof uri !== "string") return;
  const parsed = vscode.Uri.parse(uri);
  if (parsed.scheme === "file") await vscode.workspace.openTextDocument(parsed);
}
