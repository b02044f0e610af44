/** What is selected in a document of JupyterLab: in an editor, in a cell, or in rendered text. */

import { MarkdownCell } from "@jupyterlab/cells";
import { DocumentWidget } from "@jupyterlab/docregistry";
import { FileEditor } from "@jupyterlab/fileeditor";
import { type Notebook, NotebookPanel } from "@jupyterlab/notebook";
import type { Widget } from "@lumino/widgets";
import type { Selection } from "./editorText";
import { fromEditor } from "./editorText";

/** The selection of a document's widget; an empty one means the sentence at the cursor. */
export function readSelection(widget: Widget | null, sentence = true): Selection | null {
  if (widget === null) {
    return null;
  }
  const name = nameOf(widget);
  if (widget instanceof NotebookPanel) {
    return fromNotebook(widget.content, name, sentence);
  }
  if (widget instanceof DocumentWidget && widget.content instanceof FileEditor) {
    return fromEditor(widget.content.editor, name, sentence);
  }
  return fromRendered(widget.node, name);
}

/** The text selected in a page's node; null when the selection is elsewhere or empty. */
export function fromRendered(node: Node, label: string): Selection | null {
  const selection = window.getSelection();
  const inside = selection?.anchorNode != null && node.contains(selection.anchorNode);
  const text = inside ? selection.toString() : "";
  return text.trim() === "" ? null : { text, label, isMarkdown: false };
}

function fromNotebook(notebook: Notebook, name: string, sentence: boolean): Selection | null {
  const cell = notebook.activeCell;
  const label = `${name}, cell ${notebook.activeCellIndex + 1}`;
  const rendered = fromRendered(notebook.node, label);
  if (rendered !== null && !(cell?.editor?.hasFocus() ?? false)) {
    return rendered;
  }
  if (cell instanceof MarkdownCell && cell.rendered) {
    const source = sentence ? cell.model.sharedModel.getSource().trim() : "";
    return source === "" ? null : { text: source, label, isMarkdown: true };
  }
  const found = cell?.editor ? fromEditor(cell.editor, label, sentence) : null;
  return found === null ? null : { ...found, isMarkdown: cell instanceof MarkdownCell };
}

function nameOf(widget: Widget): string {
  return widget.title.label === "" ? "selection" : widget.title.label;
}
