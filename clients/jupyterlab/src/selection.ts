/** What is selected in a document of JupyterLab: in an editor, in a cell, or in rendered text. */
import type { CodeEditor } from '@jupyterlab/codeeditor';
import { FileEditor } from '@jupyterlab/fileeditor';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { MarkdownCell } from '@jupyterlab/cells';
import type { Widget } from '@lumino/widgets';

/** A text to explore, and the name that people know it by. */
export interface Selection {
  readonly text: string;
  readonly label: string;
}

/** The parts of an editor that are read here. */
export type ReadableEditor = Pick<CodeEditor.IEditor, 'getSelection' | 'getOffsetAt' | 'getLine'> & {
  readonly model: { readonly sharedModel: { getSource(): string } };
};

/** The selection of a document's widget; an empty one means the line of the cursor. */
export function readSelection(widget: Widget | null, wholeLine = true): Selection | null {
  if (widget === null) {
    return null;
  }
  const name = nameOf(widget);
  if (widget instanceof NotebookPanel) {
    return fromNotebook(widget.content, name, wholeLine);
  }
  if (widget instanceof DocumentWidget && widget.content instanceof FileEditor) {
    return fromEditor(widget.content.editor, name, wholeLine);
  }
  return fromRendered(widget.node, name);
}

/** The selected text of an editor, whichever way it was dragged; else the cursor's line if that is wanted. */
export function fromEditor(editor: ReadableEditor, name: string, wholeLine: boolean): Selection | null {
  const { start, end } = editor.getSelection();
  const offsets = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((a, b) => a - b);
  const line = Math.min(start.line, end.line);
  const label = `${name}:${line + 1}`;
  const chosen = editor.model.sharedModel.getSource().slice(offsets[0], offsets[1]);
  if (chosen.trim() !== '') {
    return { text: chosen, label };
  }
  const whole = wholeLine ? (editor.getLine(line) ?? '') : '';
  return whole.trim() === '' ? null : { text: whole.trim(), label };
}

/** The text selected in a page's node; null when the selection is elsewhere or empty. */
export function fromRendered(node: Node, label: string): Selection | null {
  const selection = window.getSelection();
  const inside = selection?.anchorNode != null && node.contains(selection.anchorNode);
  const text = inside ? selection.toString() : '';
  return text.trim() === '' ? null : { text, label };
}

function fromNotebook(notebook: Notebook, name: string, wholeLine: boolean): Selection | null {
  const cell = notebook.activeCell;
  const label = `${name}, cell ${notebook.activeCellIndex + 1}`;
  const rendered = fromRendered(notebook.node, label);
  if (rendered !== null && !(cell?.editor?.hasFocus() ?? false)) {
    return rendered;
  }
  if (cell instanceof MarkdownCell && cell.rendered) {
    const source = wholeLine ? cell.model.sharedModel.getSource().trim() : '';
    return source === '' ? null : { text: source, label };
  }
  return cell?.editor ? fromEditor(cell.editor, label, wholeLine) : null;
}

function nameOf(widget: Widget): string {
  return widget.title.label === '' ? 'selection' : widget.title.label;
}
