/** Indexing files and folders: shows what they hold, asks under which name, shows the progress, can be cancelled. */
import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import { FileDialog } from "@jupyterlab/filebrowser";
import { Widget } from "@lumino/widgets";
import { ERROR_CODES, type IndexResult } from "#protocol";
import { buildSummary } from "#shared/buildSummary";
import { nameApart } from "#shared/corpusNames";
import { skippedLines } from "#shared/indexPlan";
import { RpcError } from "#shared/rpc";
import type { Progress } from "#view";
import { IndexForm } from "./indexForm";
import { corpusNameFor, sourceOf } from "./locations";
import type { Session } from "./session";
import { failure, fraction } from "./wording";

export interface Indexing {
  readonly session: Session;
  readonly root: () => Promise<string>;
  readonly precision: () => "int8" | "int4" | "binary";
  /** null: the server's default. */
  readonly model: string | null;
}

/** Let a person choose files and folders below Jupyter's root; null when they leave. */
export async function chooseSources(manager: IDocumentManager): Promise<string[] | null> {
  const chosen = await FileDialog.getOpenFiles({ manager, title: "Index files or folders for exBERT" });
  return chosen.button.accept ? (chosen.value ?? []).map(({ path }) => path) : null;
}

/** Index paths; gives the corpus's name, or null when it was cancelled or failed (which was reported). */
export async function indexPaths(indexing: Indexing, paths: readonly string[]): Promise<string | null> {
  const root = await indexing.root();
  const sources = paths.map((path) => sourceOf(path, root));
  const preview = await indexing.session.request("previewSources", { sources });
  const { name, model } = await nameAndModel(indexing, corpusNameFor(paths[0] ?? "", root));
  const body = new IndexForm(name, preview);
  const asked = await showDialog({
    title: "exBERT: index",
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Index" })],
    focusNodeSelector: "input",
  });
  if (!asked.button.accept || asked.value === null || asked.value.corpus === "") {
    return null;
  }
  const { corpus, textField } = asked.value;
  return build(indexing, {
    corpus,
    sources,
    ...(model === null ? {} : { model }),
    ...(textField === null ? {} : { reading: { textField } }),
  });
}

/** The model that is in use, and a name that no other model's corpus has. */
async function nameAndModel(
  { session, model }: Indexing,
  name: string,
): Promise<{ name: string; model: string | null }> {
  const [{ models }, { corpora }] = await Promise.all([
    session.request("listModels", {}),
    session.request("listCorpora", {}),
  ]);
  const used = model ?? models.find(({ isDefault }) => isDefault)?.id ?? null;
  return { name: used === null ? name : nameApart(name, used, corpora), model: used };
}

interface Order {
  readonly corpus: string;
  readonly sources: string[];
  readonly model?: string;
  readonly reading?: { readonly textField: string };
}

async function build(indexing: Indexing, order: Order): Promise<string | null> {
  const { corpus } = order;
  const abort = new AbortController();
  const actions = [{ label: "Cancel", caption: "Stop and keep the previous corpus", callback: () => abort.abort() }];
  const id = Notification.emit(`Indexing ${corpus}…`, "in-progress", { autoClose: false, progress: 0, actions });
  const onProgress = (progress: Progress) => {
    const message = `Indexing ${corpus}: ${progress.message ?? "working"}`;
    Notification.update({ id, message, type: "in-progress", autoClose: false, progress: fraction(progress), actions });
  };
  // a closed notification must not hide the outcome, which is always a message of its own
  const end = (message: string, type: "info" | "error", autoClose: number | false) => {
    Notification.dismiss(id);
    Notification.emit(message, type, { autoClose });
  };
  try {
    const params = { ...order, precision: indexing.precision() };
    const result = await indexing.session.request("indexCorpus", params, { signal: abort.signal, onProgress });
    Notification.dismiss(id);
    tellResult(result);
    return corpus;
  } catch (error) {
    if (error instanceof RpcError && error.code === ERROR_CODES.cancelled) {
      end(`Indexing ${corpus} was cancelled. The previous corpus is unchanged.`, "info", 8000);
    } else {
      end(failure(`Indexing ${corpus} failed`, error), "error", false);
    }
    return null;
  }
}

function tellResult(result: IndexResult): void {
  const show = { label: "Show skipped", callback: () => void showSkipped(result) };
  const options =
    result.skipped.length > 0 ? { autoClose: 15_000 as const, actions: [show] } : { autoClose: 8000 as const };
  Notification.success(buildSummary(result), options);
}

async function showSkipped({ corpus, skipped }: IndexResult): Promise<void> {
  const node = document.createElement("pre");
  node.className = "exbert-log";
  node.tabIndex = 0;
  node.textContent = skippedLines(skipped).join("\n");
  const body = new Widget({ node });
  await showDialog({ title: `exBERT: left out of ${corpus}`, body, buttons: [Dialog.okButton({ label: "Close" })] });
}
