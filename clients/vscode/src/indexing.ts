/** Corpora from files and folders: under which name, by which model, with a notification that can be cancelled. */
import * as vscode from "vscode";
import { ERROR_CODES, type IndexResult } from "../../../protocol/types";
import { buildSummary } from "../../shared/src/buildSummary";
import { nameApart } from "../../shared/src/corpusNames";
import { skippedLines } from "../../shared/src/indexPlan";
import { toHostError } from "./pure/failures";
import { corpusName } from "./pure/names";
import type { Server } from "./server";
import { readSettings } from "./settings";
import { confirmSources, filesOf } from "./sources";

/** What a corpus was made of, kept in the workspace so that it can be brought up to date. */
export interface IndexedSources {
  readonly corpus: string;
  /** Files and folders, as uris. */
  readonly roots: readonly string[];
}

/** What to build; without a model, that of the corpus holds, and without a field how the corpus was read. */
interface Order {
  readonly corpus: string;
  readonly roots: readonly vscode.Uri[];
  readonly files: readonly string[];
  readonly model?: string;
  readonly textField?: string;
}

const STATE_KEY = "exbert.indexedSources";

export class Indexer {
  private readonly busy = new Set<string>();

  constructor(
    private readonly server: Server,
    private readonly state: vscode.Memento,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** What this workspace has indexed. */
  get indexed(): readonly IndexedSources[] {
    return this.state.get<readonly IndexedSources[]>(STATE_KEY, []);
  }

  /** Whether a corpus is being built at this moment. */
  isBusy(corpus: string): boolean {
    return this.busy.has(corpus);
  }

  /**
   * Indexes files and folders with a model (null: the server's default), under a name that no other model's corpus has.
   * `ask`: shows first what will be read. Undefined when the person changed their mind or there is nothing to read.
   * Errors are thrown.
   */
  async indexWith(model: string | null, roots: readonly vscode.Uri[], ask: boolean): Promise<IndexResult | undefined> {
    const files = await filesOf(roots);
    if (files.length === 0) {
      void vscode.window.showWarningMessage(
        "exBERT found no files to read. The setting exbert.index.include says which files of a folder are indexed.",
      );
      return undefined;
    }
    const { corpus, used } = await this.nameFor(roots, model);
    const confirmed = ask ? await this.confirm(corpus, files) : {};
    if (confirmed === undefined) return undefined;
    const order = { corpus, roots, files, ...confirmed, ...(used === null ? {} : { model: used }) };
    return await this.build(order, vscode.ProgressLocation.Notification);
  }

  /** Brings a corpus up to date, with the model that it was built with. */
  async refresh(corpus: string, roots: readonly vscode.Uri[]): Promise<IndexResult | undefined> {
    const files = await filesOf(roots);
    return await this.build({ corpus, roots, files }, vscode.ProgressLocation.Window);
  }

  private async nameFor(
    [first]: readonly vscode.Uri[],
    model: string | null,
  ): Promise<{ readonly corpus: string; readonly used: string | null }> {
    const name = corpusName(first?.path.split("/").filter(Boolean).pop() ?? "");
    const [{ models }, { corpora }] = await Promise.all([
      this.server.request("listModels", {}),
      this.server.request("listCorpora", {}),
    ]);
    const used = model ?? models.find(({ isDefault }) => isDefault)?.id ?? null;
    return { corpus: used === null ? name : nameApart(name, used, corpora), used };
  }

  private async confirm(corpus: string, files: string[]): Promise<{ readonly textField?: string } | undefined> {
    const preview = await this.server.request("previewSources", { sources: files });
    const confirmed = await confirmSources(corpus, preview);
    if (confirmed?.textField === undefined) return confirmed && {};
    return { textField: confirmed.textField };
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
    { corpus, roots, files, model, textField }: Order,
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<IndexResult | undefined> {
    const { precision } = readSettings(roots[0]);
    let percent = 0;
    try {
      const params = {
        corpus,
        sources: [...files],
        precision,
        ...(model === undefined ? {} : { model }),
        ...(textField === undefined ? {} : { reading: { textField } }),
      };
      const result = await this.server.request("indexCorpus", params, {
        token,
        onProgress: ({ message, percentage }) => {
          const increment = Math.max(0, (percentage ?? percent) - percent);
          percent += increment;
          progress.report({ increment, ...(message === undefined ? {} : { message }) });
        },
      });
      await this.remember({ corpus, roots: roots.map(String) });
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
    for (const line of skippedLines(result.skipped)) this.log.warn(`Skipped ${line}`);
  }

  private async remember(entry: IndexedSources): Promise<void> {
    const others = this.indexed.filter(({ corpus }) => corpus !== entry.corpus);
    await this.state.update(STATE_KEY, [...others, entry]);
  }
}
