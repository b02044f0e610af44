/** Opens a hit's document in JupyterLab where its sentence stands now, or says why it cannot. */

import type { ILabShell } from "@jupyterlab/application";
import { MarkdownCell } from "@jupyterlab/cells";
import type { CodeEditor } from "@jupyterlab/codeeditor";
import type { CodeMirrorEditor } from "@jupyterlab/codemirror";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import { DocumentWidget, type IDocumentWidget } from "@jupyterlab/docregistry";
import { FileEditor } from "@jupyterlab/fileeditor";
import { NotebookPanel } from "@jupyterlab/notebook";
import type { DockPanel, Widget } from "@lumino/widgets";
import { type Expected, type Found, findAgain, findInCells } from "#shared/findAgain";
import type { Location } from "#view";
import { tellGone, tellUnopened } from "./host";
import { pathBelowRoot } from "./locations";
import { PANEL_ID } from "./panel";
import { placeBeside, share } from "./placement";

export interface Opener {
  readonly shell: ILabShell;
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
  const widget = openBeside(opener, path);
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

function openBeside({ shell, documents, beside }: Opener, path: string): IDocumentWidget | undefined {
  const factory = path.endsWith(".ipynb") ? "Notebook" : "Editor";
  const place = placeBeside(tabAreas(shell), PANEL_ID, beside()?.id ?? null);
  const widget = documents.openOrReveal(path, factory, undefined, place ?? {});
  // a document that was open already, in front of the panel
  if (widget !== undefined && place !== null && share(tabAreas(shell), PANEL_ID, widget.id)) {
    shell.add(widget, "main", { ...place });
  }
  return widget;
}

/** The ids of the widgets of each tab area. */
function tabAreas(shell: ILabShell): string[][] {
  const [any] = shell.widgets("main");
  const dock = any?.parent as DockPanel | null | undefined;
  return dock == null ? [] : [...dock.tabBars()].map((bar) => bar.titles.map(({ owner }) => owner.id));
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
