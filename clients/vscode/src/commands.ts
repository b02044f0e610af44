/** What each command does. Errors end here, as a notification with a remedy. */
import { dirname } from "node:path";
import * as vscode from "vscode";
import type { IndexResult } from "../../../protocol/types";
import { buildSummary } from "../../shared/src/buildSummary";
import type { Colors } from "./colors";
import { debugInfo } from "./debugInfo";
import type { Indexer } from "./indexing";
import type { Installer } from "./installer";
import { pickInterpreter } from "./interpreterPicker";
import type { CommandSubject, HostCommand, InUse } from "./messages";
import { type Remedies, showError } from "./notifications";
import { pickCorpus, pickModel } from "./pickers";
import { tidy } from "./python/environments";
import { currentSelection } from "./selection";
import type { Server } from "./server";
import { forgetInterpreter, readSettings, writeSetting } from "./settings";
import { pickSources } from "./sources";
import type { Views } from "./views";

const EXAMPLE =
  "The girl ran to a local pub to escape the din of her city.\n\nSelect any sentence of a text of yours, and explore it in the same way.\n";

export interface Parts {
  readonly context: vscode.ExtensionContext;
  readonly server: Server;
  readonly views: Views;
  readonly indexer: Indexer;
  readonly colors: Colors;
  readonly installer: Installer;
  readonly log: vscode.LogOutputChannel;
}

export class Commands {
  constructor(private readonly parts: Parts) {}

  register(): vscode.Disposable {
    const table: Record<string, (...given: unknown[]) => unknown> = {
      "exbert.explore": () => this.explore(),
      "exbert.tryExample": () => this.tryExample(),
      "exbert.install": () => this.install(),
      "exbert.open": () => this.parts.views.show(),
      "exbert.indexFolder": (...given) => this.indexSources(urisOf(given)),
      "exbert.indexWorkspace": () => this.indexWorkspace(),
      "exbert.selectModel": () => this.selectModel(),
      "exbert.selectCorpus": () => this.selectCorpus(),
      "exbert.selectInterpreter": () => this.selectInterpreter(),
      "exbert.toggleFollow": () => this.toggleFollow(),
      "exbert.toggleColors": () => this.toggleColors(),
      "exbert.restart": () => this.parts.server.restart(),
      "exbert.showLog": () => this.parts.log.show(),
      "exbert.copyDebugInfo": () => this.copyDebugInfo(),
    };
    return vscode.Disposable.from(
      ...Object.entries(table).map(([id, action]) =>
        vscode.commands.registerCommand(id, (...given: unknown[]) => this.guard(() => action(...given))),
      ),
    );
  }

  /** What the view asks for with its buttons. */
  run(name: HostCommand, { corpus }: CommandSubject): void {
    const action = {
      indexFolder: () => this.indexHere(corpus),
      selectModel: () => this.selectModel(),
      selectCorpus: () => this.selectCorpus(),
      showLog: () => this.parts.log.show(),
      restartServer: () => this.parts.server.restart(),
      install: () => this.install(),
      openSettings: () => this.openSettings("exbert.interpreter"),
    }[name];
    void this.guard(action);
  }

  /** What a person picked in the view holds for commands and later views too. */
  async keepChoice({ model, corpus }: InUse): Promise<void> {
    const settings = readSettings();
    if (model !== null && model !== settings.model) await writeSetting("model", model);
    if (corpus !== null && corpus !== settings.corpus) await writeSetting("corpus", corpus);
  }

  /** Runs an action and reports its failure; never throws. */
  async guard(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.parts.log.error(error instanceof Error ? error.message : String(error));
      void showError(error, this.remedies());
    }
  }

  /** Reports a crash outside of any command. */
  async showCrash(message: string): Promise<void> {
    const answer = await vscode.window.showWarningMessage(message, "Show Log");
    if (answer === "Show Log") this.parts.log.show();
  }

  /** A setting of the process changed: restarts the server if it was started. */
  async relaunch(): Promise<void> {
    if (this.parts.server.state !== undefined) await this.guard(() => this.parts.server.restart());
  }

  private remedies(): Remedies {
    return {
      install: () => void this.guard(() => this.install()),
      selectInterpreter: () => void this.guard(() => this.selectInterpreter()),
      openSettings: (query) => this.openSettings(query),
      showLog: () => this.parts.log.show(),
      restart: () => void this.guard(() => this.parts.server.restart()),
    };
  }

  private async explore(): Promise<void> {
    const selected = currentSelection(readSettings().maxCharacters);
    if (selected.kind === "nothing") {
      void vscode.window.showInformationMessage(`exBERT: ${selected.reason}`);
      return;
    }
    this.parts.colors.from(selected.uri, selected.offset);
    this.parts.views.explore(selected.selection);
    await this.parts.server.retry();
  }

  /** Files and folders of a menu, or chosen now; what they hold is shown first. */
  private async indexSources(given: readonly vscode.Uri[] | undefined): Promise<void> {
    const roots = given ?? (await pickSources());
    if (roots !== undefined && roots.length > 0) await this.index(roots, true);
  }

  /** What a corpus was made of if that is known, else the folder that is open; the person chooses among several. */
  private async indexHere(corpus: string | undefined): Promise<void> {
    const known = this.parts.indexer.indexed.find((entry) => entry.corpus === corpus);
    if (known !== undefined)
      return await this.index(
        known.roots.map((root) => vscode.Uri.parse(root)),
        false,
      );
    const [only, ...others] = vscode.workspace.workspaceFolders ?? [];
    return await this.indexSources(only === undefined || others.length > 0 ? undefined : [only.uri]);
  }

  private async indexWorkspace(): Promise<void> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    if (folders.length === 0) throw new Error("No folder is open. Open a folder, or run “exBERT: Index…”.");
    for (const folder of folders) await this.index([folder.uri], false);
  }

  private async index(roots: readonly vscode.Uri[], ask: boolean): Promise<void> {
    await this.parts.server.retry();
    const { model } = this.parts.views.inUse();
    const result = await this.parts.indexer.indexWith(model, roots, ask);
    if (result === undefined) return;
    void this.tellResult(result);
    await vscode.commands.executeCommand("setContext", "exbert.hasCorpus", true);
    await this.chooseCorpus(result.corpus);
  }

  private async tellResult(result: IndexResult): Promise<void> {
    const buttons = result.skipped.length > 0 ? ["Show Skipped"] : [];
    const answer = await vscode.window.showInformationMessage(buildSummary(result), ...buttons);
    if (answer === "Show Skipped") this.parts.log.show();
  }

  private async selectModel(): Promise<void> {
    await this.parts.server.retry();
    const model = await pickModel(this.parts.server, this.parts.views.inUse().model);
    if (model === undefined) return;
    await writeSetting("model", model);
    this.parts.views.prefer({ model });
  }

  private async selectCorpus(): Promise<void> {
    await this.parts.server.retry();
    const choice = await pickCorpus(this.parts.server, this.parts.views.inUse().corpus);
    if (choice === undefined) return;
    if (choice.kind === "indexFolder") await this.indexSources(undefined);
    else await this.chooseCorpus(choice.name);
  }

  private async chooseCorpus(corpus: string): Promise<void> {
    await writeSetting("corpus", corpus);
    this.parts.views.prefer({ corpus });
  }

  private async selectInterpreter(): Promise<void> {
    const { server, installer, context } = this.parts;
    const inUse = (await server.current())?.interpreter.path;
    const choice = await pickInterpreter(installer.home, context.extensionPath, inUse);
    if (choice === undefined) return;
    if (choice.kind === "install") return await this.install();
    if (choice.path === "") await forgetInterpreter();
    else await writeSetting("interpreter", choice.path);
    // a change of the setting restarts a server that was started
    if (server.state === undefined) await server.session();
  }

  private async toggleFollow(): Promise<void> {
    const follow = !readSettings().followSelection;
    await writeSetting("followSelection", follow);
    vscode.window.setStatusBarMessage(`exBERT ${follow ? "follows" : "no longer follows"} the selection`, 4000);
  }

  private async toggleColors(): Promise<void> {
    const color = !readSettings().colorText;
    await writeSetting("colorText", color);
    const how = color ? "is colored: pin a token in the view" : "is no longer colored";
    vscode.window.setStatusBarMessage(`exBERT: the text ${how}`, 4000);
  }

  private async install(): Promise<void> {
    const ended = await this.parts.installer.offer();
    if (ended.kind === "choose") return await this.selectInterpreter();
    if (ended.kind === "nothing") return;
    if (ended.isOwn) await forgetInterpreter(); // it would come before the new one
    await this.parts.server.restart();
    if (ended.isOwn) await tidy(this.parts.installer.home, dirname(dirname(ended.python)));
    void this.tellInstalled();
  }

  private async tellInstalled(): Promise<void> {
    const answer = await vscode.window.showInformationMessage("exBERT is installed.", "Try an Example");
    if (answer !== undefined) await this.guard(() => this.tryExample());
  }

  /** A sentence in an editor of its own, and the view beside it: a picture without a text of the person. */
  private async tryExample(): Promise<void> {
    const document = await vscode.workspace.openTextDocument({ language: "plaintext", content: EXAMPLE });
    const editor = await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
    editor.selection = new vscode.Selection(0, 0, 0, EXAMPLE.indexOf("\n"));
    await this.explore();
  }

  private openSettings(query: string): void {
    // on a remote machine the setting is that machine's, which has a tab of its own
    if (vscode.env.remoteName === undefined)
      void vscode.commands.executeCommand("workbench.action.openSettings", query);
    else void vscode.commands.executeCommand("workbench.action.openRemoteSettings", { query });
  }

  private async copyDebugInfo(): Promise<void> {
    const { context, server, installer } = this.parts;
    await vscode.env.clipboard.writeText(await debugInfo(context, server, installer.home));
    void vscode.window.showInformationMessage("exBERT debug information was copied.");
  }
}

/** What VS Code hands to a command of the file menu: the file under the pointer, and all that are selected. */
function urisOf([first, all]: readonly unknown[]): readonly vscode.Uri[] | undefined {
  const uris = (Array.isArray(all) && all.length > 0 ? all : [first]).filter((one) => one instanceof vscode.Uri);
  return uris.length === 0 ? undefined : uris;
}
