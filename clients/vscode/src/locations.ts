/** Opens a hit where its sentence stands now: in a text, or in a cell of a notebook. */
import * as vscode from "vscode";
import { type Expected, type Found, findAgain, findInCells } from "../../shared/src/findAgain";
import { columnFor } from "./columns";
import type { Location } from "./messages";

/** Where a hit's sentence is. `absent`: the document cannot be read. */
export type Outcome = "shown" | "moved" | "gone" | "absent";

/** Shows the hit beside the view; shows nothing when its sentence or its document is gone. */
export async function openLocation(location: Location): Promise<Outcome> {
  const uri = vscode.Uri.parse(location.document, true);
  try {
    const isCell = location.cell !== undefined && location.cell !== null;
    return isCell ? await openCell(uri, location.cell, location) : await openText(uri, location);
  } catch (error) {
    if (await exists(uri)) throw error;
    return "absent";
  }
}

async function openText(uri: vscode.Uri, location: Location): Promise<Outcome> {
  const document = await vscode.workspace.openTextDocument(uri);
  const range = rangeOf(location);
  const expected = expectedOf(location, document.isDirty);
  const found = expected === null ? unknown : findAgain(document.getText(), document.offsetAt(range.start), expected);
  if (found.kind === "gone") return "gone";
  const selection = foundRange(document, found) ?? range;
  await vscode.window.showTextDocument(document, { viewColumn: columnFor(uri), selection, preview: true });
  return found.kind === "moved" ? "moved" : "shown";
}

async function openCell(uri: vscode.Uri, index: number, location: Location): Promise<Outcome> {
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const range = rangeOf(location);
  const cells = notebook.getCells().map(({ document }) => document);
  const expected = expectedOf(location, notebook.isDirty);
  const near = cells[index]?.offsetAt(range.start) ?? 0;
  const texts = cells.map((document) => document.getText());
  const { cell, found } =
    expected === null ? { cell: index, found: unknown } : findInCells(texts, index, near, expected);
  const document = cells[cell];
  if (found.kind === "gone" || document === undefined) return "gone";
  await showCell(notebook, cell, foundRange(document, found) ?? range);
  return found.kind === "moved" ? "moved" : "shown";
}

async function showCell(notebook: vscode.NotebookDocument, cell: number, range: vscode.Range): Promise<void> {
  const selections = [new vscode.NotebookRange(cell, cell + 1)];
  const shown = await vscode.window.showNotebookDocument(notebook, { viewColumn: columnFor(notebook.uri), selections });
  shown.revealRange(
    new vscode.NotebookRange(cell, cell + 1),
    vscode.NotebookEditorRevealType.InCenterIfOutsideViewport,
  );
  await vscode.commands.executeCommand("notebook.cell.edit");
  const { document } = notebook.cellAt(cell);
  const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
  if (editor === undefined) return;
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range);
}

const unknown: Found = { kind: "unchanged" };

/** An unsaved document is another text than the one that was indexed, perhaps. */
function expectedOf({ expected }: Location, isDirty: boolean): Expected | null {
  return expected === undefined ? null : { ...expected, changed: expected.changed || isDirty };
}

function rangeOf({ range: { start, end } }: Location): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

function foundRange(document: vscode.TextDocument, found: Found): vscode.Range | undefined {
  if (!("start" in found)) return undefined;
  return new vscode.Range(document.positionAt(found.start), document.positionAt(found.end));
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  return await vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}
