/** Indexing a folder: asks what and under which name, shows the progress, can be cancelled. */
import { InputDialog, Notification } from "@jupyterlab/apputils";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import { FileDialog } from "@jupyterlab/filebrowser";
import { ERROR_CODES } from "#protocol";
import { buildSummary } from "#shared/buildSummary";
import { nameApart } from "#shared/corpusNames";
import type { Progress } from "#view";
import { corpusNameFor, sourceOf } from "./locations";
import { RpcError } from "./rpc";
import type { Session } from "./session";
import { failure, fraction } from "./wording";

export interface Indexing {
  readonly session: Session;
  readonly root: () => Promise<string>;
  readonly precision: () => "int8" | "int4" | "binary";
  /** null: the server's default. */
  readonly model: string | null;
}

/** Let a person choose a folder below Jupyter's root; null when they leave. */
export async function chooseFolder(manager: IDocumentManager): Promise<string | null> {
  const chosen = await FileDialog.getExistingDirectory({ manager, title: "Index a folder for exBERT" });
  const folder = chosen.button.accept ? chosen.value?.[0] : undefined;
  return folder === undefined ? null : folder.path;
}

/** Index a folder; gives the corpus's name, or null when it was cancelled or failed (which was reported). */
export async function indexFolder(indexing: Indexing, path: string): Promise<string | null> {
  const root = await indexing.root();
  const { name, model } = await nameAndModel(indexing, corpusNameFor(path, root));
  const asked = await InputDialog.getText({
    title: "Name of the corpus",
    label: `Name of the corpus of ${path === "" ? "the whole folder that Jupyter serves" : path}:`,
    text: name,
    okLabel: "Index",
  });
  const corpus = asked.button.accept ? asked.value?.trim() : "";
  return corpus ? build(indexing, corpus, sourceOf(path, root), model) : null;
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

async function build(indexing: Indexing, corpus: string, source: string, model: string | null): Promise<string | null> {
  const abort = new AbortController();
  const actions = [{ label: "Cancel", caption: "Stop and keep the previous corpus", callback: () => abort.abort() }];
  const id = Notification.emit(`Indexing ${corpus}…`, "in-progress", { autoClose: false, progress: 0, actions });
  const onProgress = (progress: Progress) => {
    const message = `Indexing ${corpus}: ${progress.message ?? "working"}`;
    Notification.update({ id, message, type: "in-progress", autoClose: false, progress: fraction(progress), actions });
  };
  // a closed notification must not hide the outcome, which is always a message of its own
  const end = (message: string, type: "success" | "info" | "error", autoClose: number | false) => {
    Notification.dismiss(id);
    Notification.emit(message, type, { autoClose });
  };
  try {
    const params = { corpus, sources: [source], precision: indexing.precision(), ...(model === null ? {} : { model }) };
    const result = await indexing.session.request("indexCorpus", params, { signal: abort.signal, onProgress });
    end(buildSummary(result), "success", 8000);
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
