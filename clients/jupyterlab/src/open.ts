/** Opens a hit's document in JupyterLab where its sentence stands now, or says why it cannot. */

import { MarkdownCell } from "@jupyterlab/cells";
import type { CodeEditor } from "@jupyterlab/codeeditor";
import type { CodeMirrorEditor } from "@jupyterlab/codemirror";
import { PageConfig, URLExt } from "@jupyterlab/coreutils";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import { DocumentWidget, type IDocumentWidget } from "@jupyterlab/docregistry";
import { FileEditor } from "@jupyterlab/fileeditor";
import { NotebookPanel } from "@jupyterlab/notebook";
import type { Widget } from "@lumino/widgets";
import { type Expected, type Found, findAgain, findInCells } from "#shared/findAgain";
import type { Location } from "#view";
import { tellElsewhere, tellGone, tellUnopened } from "./host";
import { pathBelowRoot } from "./locations";
import { PANEL_ID } from "./panel";
import { placeBeside, share } from "./placement";
import type { Shell } from "./shell";

export interface Opener {
  readonly shell: Shell;
  readonly documents: IDocumentManager;
  readonly rootUri: () => Promise<string>;
  /** The document beside which a new tab is put. */
  readonly beside: () => Widget | null;
  /** Indexes what the shown corpus is made of once more. */
  readonly indexAgain: () => void;
}

export async function openLocation(opener: Opener, location: Location): Promise<void> {
  const path = pathBelowRoot(location.document, await opener.rootUri());
  if (path === null) {
    tellUnopened(location.document, "it is not in the folder that Jupyter serves.");
    return;
  }
  const { shell, documents } = opener;
  const widget = shell.isSingle ? documents.findWidget(path, null) : openBeside(opener, path);
  if (widget === undefined && shell.isSingle) {
    openElsewhere(path, location);
    return;
  }
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
  if (!(await showHit(widget, location))) {
    tellGone(path, opener.indexAgain);
  }
}

/** A tab of the browser of its own, of which nothing more is known: where to look there is said here. */
function openElsewhere(path: string, { range, cell }: Location): void {
  const isNotebook = path.endsWith(".ipynb");
  window.open(
    URLExt.join(PageConfig.getBaseUrl(), isNotebook ? "notebooks" : "edit", ...path.split("/").map(encodeURIComponent)),
  );
  tellElsewhere(path, isNotebook && cell != null ? `cell ${cell + 1}` : `line ${range.start.line + 1}`);
}

function openBeside({ shell, documents, beside }: Opener, path: string): IDocumentWidget | undefined {
  const factory = path.endsWith(".ipynb") ? "Notebook" : "Editor";
  const place = placeBeside(shell.tabAreas, PANEL_ID, beside()?.id ?? null);
  const widget = documents.openOrReveal(path, factory, undefined, place ?? {});
  // a document that was open already, in front of the panel
  if (widget !== undefined && place !== null && share(shell.tabAreas, PANEL_ID, widget.id)) {
    shell.move(widget, place);
  }
  return widget;
}

/** Selects the hit; false when its sentence is gone. */
async function showHit(widget: Widget, location: Location): Promise<boolean> {
  if (widget instanceof NotebookPanel) {
    return await showInNotebook(widget, location);
  }
  if (widget instanceof DocumentWidget && widget.content instanceof FileEditor) {
    await widget.content.ready;
    const { editor } = widget.content;
    const expected = expectedOf(location, widget.context.model.dirty);
    const source = editor.model.sharedModel.getSource();
    // the document may have fewer lines than it had: the editor refuses places that it does not have
    const near = offsetIn(source, location.range.start);
    const found: Found = expected === null ? { kind: "unchanged" } : findAgain(source, near, expected);
    select(editor, found, location);
    return found.kind !== "gone";
  }
  return true;
}

async function showInNotebook(panel: NotebookPanel, location: Location): Promise<boolean> {
  const notebook = panel.content;
  const sources = notebook.widgets.map(({ model }) => model.sharedModel.getSource());
  const expected = expectedOf(location, panel.context.model.dirty);
  const given = location.cell ?? 0;
  const near = offsetIn(sources[given] ?? "", location.range.start);
  const { cell, found } =
    expected === null
      ? { cell: given, found: { kind: "unchanged" } as Found }
      : findInCells(sources, given, near, expected);
  if (found.kind === "gone") {
    return false;
  }
  notebook.activeCellIndex = cell;
  const active = notebook.activeCell;
  if (active instanceof MarkdownCell) {
    active.rendered = false;
  }
  await notebook.scrollToItem(notebook.activeCellIndex, "center");
  await active?.ready;
  select(active?.editor ?? null, found, location);
  return true;
}

function offsetIn(text: string, { line, character }: { line: number; character: number }): number {
  const before = text.split("\n").slice(0, line);
  return before.reduce((sum, one) => sum + one.length + 1, 0) + character;
}

/** An unsaved document is another text than the one that was indexed, perhaps. */
function expectedOf({ expected }: Location, isDirty: boolean): Expected | null {
  return expected === undefined ? null : { ...expected, changed: expected.changed || isDirty };
}

/** JupyterLab's one editor takes a place for the revealed lines; the interface does not name it. */
type RevealingEditor = CodeEditor.IEditor & Pick<CodeMirrorEditor, "revealSelection">;

function select(editor: CodeEditor.IEditor | null, found: Found, { range }: Location): void {
  if (editor === null || found.kind === "gone") {
    return;
  }
  const at = (offset: number) => editor.getPositionAt(offset) ?? { line: 0, column: 0 };
  const selection =
    "start" in found
      ? { start: at(found.start), end: at(found.end) }
      : { start: toEditor(range.start), end: toEditor(range.end) };
  editor.setSelection(selection);
  (editor as RevealingEditor).revealSelection(selection, { block: "center" });
  editor.focus();
}

function toEditor({ line, character }: { line: number; character: number }): CodeEditor.IPosition {
  return { line, column: character };
}
