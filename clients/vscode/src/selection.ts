/** From what is selected in an editor to what `attend` takes. */
import * as vscode from "vscode";
import { chatMessages } from "../../shared/src/chatMessages";
import { type Span, sentenceAround, trimSpan } from "../../shared/src/sentenceAround";
import type { SelectionEvent } from "./messages";
import { SYNCED_SCHEMES } from "./server";

export type Selected =
  | {
      readonly kind: "text";
      readonly selection: SelectionEvent;
      readonly uri: vscode.Uri;
      /** Where it begins in its document. */
      readonly offset: number;
      readonly range: vscode.Range;
    }
  | { readonly kind: "nothing"; readonly reason: string };

/** The selection of the active editor or notebook cell; without one the sentence around the cursor, or the whole cell. */
export function currentSelection(maxCharacters: number): Selected {
  const editor = vscode.window.activeTextEditor;
  const cell = selectedCell();
  // VS Code keeps the editor of a cell when another cell is selected
  if (editor !== undefined && (cell === undefined || cell === editor.document))
    return selectionOf(editor, maxCharacters);
  if (cell !== undefined) return spanOf(cell, { start: 0, end: cell.getText().length }, maxCharacters);
  return { kind: "nothing", reason: "Open a text and put the cursor into it first." };
}

function selectedCell(): vscode.TextDocument | undefined {
  const notebook = vscode.window.activeNotebookEditor;
  const range = notebook?.selections[0];
  if (notebook === undefined || range === undefined || range.start >= notebook.notebook.cellCount) return undefined;
  return notebook.notebook.cellAt(range.start).document;
}

export function selectionOf(editor: vscode.TextEditor, maxCharacters: number): Selected {
  const { document } = editor;
  const chosen = editor.selections.filter((selection) => !selection.isEmpty);
  const [first, second] = chosen;
  if (first !== undefined && second !== undefined && chosen.length === 2) {
    return pairOf(document, first, second, maxCharacters);
  }
  const text = document.getText();
  const span: Span =
    first === undefined
      ? sentenceAround(text, document.offsetAt(editor.selection.active))
      : { start: document.offsetAt(first.start), end: document.offsetAt(first.end) };
  return spanOf(document, span, maxCharacters);
}

function spanOf(document: vscode.TextDocument, span: Span, maxCharacters: number): Selected {
  const text = document.getText();
  const { start, end } = trimSpan(text, span);
  if (start === end) return { kind: "nothing", reason: "There is no text here: select some." };
  if (end - start > maxCharacters) return tooLong(end - start, maxCharacters);
  const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
  const chosen = text.slice(start, end);
  // chat messages are recognized in a text, not in a place of a document
  const input =
    SYNCED_SCHEMES.includes(document.uri.scheme) && chatMessages(chosen) === null
      ? { textDocument: { uri: document.uri.toString() }, range: plainRange(range) }
      : { text: chosen };
  return {
    kind: "text",
    selection: { input, label: labelOf(document, range), isMarkdown: document.languageId === "markdown" },
    uri: document.uri,
    offset: start,
    range,
  };
}

/** Two selections are the two segments of a pair (A in the order in which they were made). */
function pairOf(
  document: vscode.TextDocument,
  first: vscode.Range,
  second: vscode.Range,
  maxCharacters: number,
): Selected {
  const [text, textPair] = [document.getText(first).trim(), document.getText(second).trim()];
  if (text === "" || textPair === "") return { kind: "nothing", reason: "One of the two selections is empty." };
  if (text.length + textPair.length > maxCharacters) return tooLong(text.length + textPair.length, maxCharacters);
  return {
    kind: "text",
    selection: { input: { text, textPair }, label: `${labelOf(document, first)} + ${second.start.line + 1}` },
    uri: document.uri,
    offset: document.offsetAt(first.start),
    range: first,
  };
}

function tooLong(length: number, maxCharacters: number): Selected {
  const reason = `The selection has ${length.toLocaleString("en-US")} characters; at most ${maxCharacters.toLocaleString("en-US")} are sent (exbert.limits.maxCharacters).`;
  return { kind: "nothing", reason };
}

function labelOf(document: vscode.TextDocument, range: vscode.Range): string {
  const name = document.uri.path.split("/").pop() ?? document.uri.path;
  const cell = vscode.workspace.notebookDocuments
    .flatMap((notebook) => notebook.getCells())
    .find((candidate) => candidate.document === document);
  return cell === undefined
    ? `${name}:${range.start.line + 1}`
    : `${name}, cell ${cell.index + 1}:${range.start.line + 1}`;
}

function plainRange(range: vscode.Range): {
  start: { line: number; character: number };
  end: { line: number; character: number };
} {
  const { start, end } = range;
  return { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } };
}
