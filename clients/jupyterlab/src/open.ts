/** Opens a hit's document in JupyterLab at its line, or says why it cannot. */

import { MarkdownCell } from "@jupyterlab/cells";
import type { CodeEditor } from "@jupyterlab/codeeditor";
import type { CodeMirrorEditor } from "@jupyterlab/codemirror";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import { DocumentWidget } from "@jupyterlab/docregistry";
import { FileEditor } from "@jupyterlab/fileeditor";
import { NotebookPanel } from "@jupyterlab/notebook";
import type { Widget } from "@lumino/widgets";
import type { Location } from "#view";
import { tellUnopened } from "./host";
import { pathBelowRoot } from "./locations";

export interface Opener {
  readonly documents: IDocumentManager;
  readonly rootUri: () => Promise<string>;
  /** The document beside which a new tab is put. */
  readonly beside: () => Widget | null;
}

export async function openLocation(opener: Opener, location: Location): Promise<void> {
  const path = pathBelowRoot(location.document, await opener.rootUri());
  if (path === null) {
    tellUnopened(location.document, "it is not in the folder that Jupyter serves.");
    return;
  }
  const factory = path.endsWith(".ipynb") ? "Notebook" : "Editor";
  const beside = opener.beside();
  const place = beside === null ? {} : { ref: beside.id, mode: "tab-after" as const };
  const widget = opener.documents.openOrReveal(path, factory, undefined, place);
  if (widget === undefined) {
    tellUnopened(path, "JupyterLab has no editor for it.");
    return;
  }
  try {
    await Promise.all([widget.context.ready, widget.revealed]);
  } catch {
    tellUnopened(path, "it was removed, or cannot be read.");
    return;
  }
  await showRange(widget, location);
}

async function showRange(widget: Widget, { range, cell }: Location): Promise<void> {
  const selection = { start: toEditor(range.start), end: toEditor(range.end) };
  if (widget instanceof NotebookPanel) {
    const notebook = widget.content;
    notebook.activeCellIndex = cell ?? 0;
    const active = notebook.activeCell;
    if (active instanceof MarkdownCell) {
      active.rendered = false;
    }
    await notebook.scrollToItem(notebook.activeCellIndex, "center");
    await active?.ready;
    select(active?.editor ?? null, selection);
  } else if (widget instanceof DocumentWidget && widget.content instanceof FileEditor) {
    await widget.content.ready;
    select(widget.content.editor, selection);
  }
}

/** JupyterLab's one editor takes a place for the revealed lines; the interface does not name it. */
type RevealingEditor = CodeEditor.IEditor & Pick<CodeMirrorEditor, "revealSelection">;

function select(editor: CodeEditor.IEditor | null, selection: CodeEditor.IRange): void {
  editor?.setSelection(selection);
  (editor as RevealingEditor | null)?.revealSelection(selection, { block: "center" });
  editor?.focus();
}

function toEditor({ line, character }: { line: number; character: number }): CodeEditor.IPosition {
  return { line, column: character };
}
