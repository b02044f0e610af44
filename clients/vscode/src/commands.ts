/** What each command does. Errors end here, as a notification with a remedy. */
import * as vscode from "vscode";
import { buildSummary } from "../../shared/src/buildSummary";
import type { Colors } from "./colors";
import { debugInfo } from "./debugInfo";
import type { Indexer } from "./indexing";
import { installPackage } from "./install";
import type { CommandSubject, HostCommand, InUse } from "./messages";
import { type Remedies, showError } from "./notifications";
import { pickCorpus, pickFolder, pickInterpreter, pickModel } from "./pickers";
import { currentSelection } from "./selection";
import type { Server } from "./server";
import { readSettings, writeSetting } from "./settings";
import type { Views } from "./views";

export interface Parts {
  readonly context: vscode.ExtensionContext;
  readonly server: Server;
  readonly views: Views;
  readonly indexer: Indexer;
  readonly colors: Colors;
  readonly log: vscode.LogOutputChannel;
}

export class Commands {
  constructor(private readonly parts: Parts) {}

  register(): vscode.Disposable {
    const table: Record<string, (argument?: unknown) => unknown> = {
      "exbert.explore": () => this.explore(),
      "exbert.open": () => this.parts.views.show(),
      "exbert.indexFolder": (folder) => this.indexFolder(folder instanceof vscode.Uri ? folder : undefined),
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
        vscode.commands.registerCommand(id, (argument?: unknown) => this.guard(() => action(argument))),
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
      openSettings: () => this.openSetting(),
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
      openSetting: () => this.openSetting(),
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

  private async indexFolder(folder: vscode.Uri | undefined): Promise<void> {
    const target = folder ?? (await pickFolder());
    if (target !== undefined) await this.index(target);
  }

  /** The folder of a corpus if it is known, else the one that is open; the person chooses when there are several. */
  private async indexHere(corpus: string | undefined): Promise<void> {
    const known = this.parts.indexer.folders.find((entry) => entry.corpus === corpus);
    const [only, ...others] = vscode.workspace.workspaceFolders ?? [];
    await this.indexFolder(known ? vscode.Uri.parse(known.folder) : others.length === 0 ? only?.uri : undefined);
  }

  private async indexWorkspace(): Promise<void> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    if (folders.length === 0) throw new Error("No folder is open. Open a folder, or run “exBERT: Index Folder…”.");
    for (const folder of folders) await this.index(folder.uri);
  }

  private async index(folder: vscode.Uri): Promise<void> {
    await this.parts.server.retry();
    const { model } = this.parts.views.inUse();
    const result = await this.parts.indexer.indexWith(model, folder);
    if (result === undefined) return;
    void vscode.window.showInformationMessage(buildSummary(result));
    await vscode.commands.executeCommand("setContext", "exbert.hasCorpus", true);
    await this.chooseCorpus(result.corpus);
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
    if (choice.kind === "indexFolder") await this.indexFolder(undefined);
    else await this.chooseCorpus(choice.name);
  }

  private async chooseCorpus(corpus: string): Promise<void> {
    await writeSetting("corpus", corpus);
    this.parts.views.prefer({ corpus });
  }

  private async selectInterpreter(): Promise<void> {
    const path = await pickInterpreter();
    if (path !== undefined) await writeSetting("interpreter", path);
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
    if (await installPackage()) await this.parts.server.restart();
  }

  private openSetting(): void {
    const query = "exbert.interpreter";
    // on a remote machine the setting is that machine's, which has a tab of its own
    if (vscode.env.remoteName === undefined)
      void vscode.commands.executeCommand("workbench.action.openSettings", query);
    else void vscode.commands.executeCommand("workbench.action.openRemoteSettings", { query });
  }

  private async copyDebugInfo(): Promise<void> {
    await vscode.env.clipboard.writeText(await debugInfo(this.parts.context, this.parts.server));
    void vscode.window.showInformationMessage("exBERT debug information was copied.");
  }
}
