/** Corpora from folders: which files, under which name, with a notification that can be cancelled. */
import * as vscode from "vscode";
import { ERROR_CODES, type IndexResult } from "../../../protocol/types";
import { buildSummary } from "../../shared/src/buildSummary";
import { nameApart } from "../../shared/src/corpusNames";
import { toHostError } from "./pure/failures";
import { corpusName } from "./pure/names";
import type { Server } from "./server";
import { readSettings } from "./settings";

/** What a corpus was made of, kept in the workspace so that it can be brought up to date. */
export interface IndexedFolder {
  readonly corpus: string;
  readonly folder: string;
}

/** What to build; without a model, that of the corpus holds. */
interface Order {
  readonly corpus: string;
  readonly folder: vscode.Uri;
  readonly model: string | null;
}

const STATE_KEY = "exbert.indexedFolders";

export class Indexer {
  private readonly busy = new Set<string>();

  constructor(
    private readonly server: Server,
    private readonly state: vscode.Memento,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** The folders that this workspace has indexed. */
  get folders(): readonly IndexedFolder[] {
    return this.state.get<readonly IndexedFolder[]>(STATE_KEY, []);
  }

  /** Whether a corpus is being built at this moment. */
  isBusy(corpus: string): boolean {
    return this.busy.has(corpus);
  }

  /**
   * Indexes a folder with a model (null: the server's default), under a name that no other model's corpus has.
   * Undefined when the person cancelled or there is nothing in it. Errors are thrown.
   */
  async indexWith(model: string | null, folder: vscode.Uri): Promise<IndexResult | undefined> {
    const name = corpusName(folder.path.split("/").filter(Boolean).pop() ?? "");
    const [{ models }, { corpora }] = await Promise.all([
      this.server.request("listModels", {}),
      this.server.request("listCorpora", {}),
    ]);
    const used = model ?? models.find(({ isDefault }) => isDefault)?.id ?? null;
    const corpus = used === null ? name : nameApart(name, used, corpora);
    return this.build({ corpus, folder, model: used }, vscode.ProgressLocation.Notification);
  }

  /** Brings a corpus up to date, with the model that it was built with. */
  refresh(corpus: string, folder: vscode.Uri): Promise<IndexResult | undefined> {
    return this.build({ corpus, folder, model: null }, vscode.ProgressLocation.Window);
  }

  private async build(order: Order, where: vscode.ProgressLocation): Promise<IndexResult | undefined> {
    const { corpus } = order;
    const options = { location: where, cancellable: true, title: `exBERT: indexing “${corpus}”` };
    this.busy.add(corpus);
    try {
      return await vscode.window.withProgress(options, (progress, token) => this.run(order, progress, token));
    } finally {
      this.busy.delete(corpus);
    }
  }

  private async run(
    { corpus, folder, model }: Order,
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<IndexResult | undefined> {
    progress.report({ message: "looking for files…" });
    const sources = await filesOf(folder);
    if (token.isCancellationRequested) return undefined;
    if (sources.length === 0) {
      void vscode.window.showWarningMessage(
        "exBERT found no text files in this folder. The setting exbert.index.include says which files are indexed.",
      );
      return undefined;
    }
    const { precision } = readSettings(folder);
    let percent = 0;
    try {
      const params = { corpus, sources, precision, ...(model === null ? {} : { model }) };
      const result = await this.server.request("indexCorpus", params, {
        token,
        onProgress: ({ message, percentage }) => {
          const increment = Math.max(0, (percentage ?? percent) - percent);
          percent += increment;
          progress.report({ increment, ...(message === undefined ? {} : { message }) });
        },
      });
      await this.remember({ corpus, folder: folder.toString() });
      this.report(result);
      return result;
    } catch (error) {
      if (toHostError(error).code !== ERROR_CODES.cancelled) throw error;
      void vscode.window.showInformationMessage(`Indexing was cancelled. The corpus “${corpus}” is unchanged.`);
      return undefined;
    }
  }

  private report(result: IndexResult): void {
    this.log.info(buildSummary(result));
    for (const { uri, reason } of result.skipped) this.log.warn(`Skipped ${uri}: ${reason}`);
  }

  private async remember(entry: IndexedFolder): Promise<void> {
    const others = this.folders.filter(({ corpus }) => corpus !== entry.corpus);
    await this.state.update(STATE_KEY, [...others, entry]);
  }
}

/** The text files below a folder, as uris; the server gets the list, so that the editor's exclusions hold. */
async function filesOf(folder: vscode.Uri): Promise<string[]> {
  const { include, exclude } = readSettings(folder);
  const leaveOut = exclude.length === 0 ? null : new vscode.RelativePattern(folder, `{${exclude.join(",")}}`);
  const found = await Promise.all(
    include.map((glob) => vscode.workspace.findFiles(new vscode.RelativePattern(folder, glob), leaveOut)),
  );
  return [...new Set(found.flat().map((uri) => uri.toString()))].sort();
}
