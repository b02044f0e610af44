/** Opens a hit where it stands: a line of a text, or a line of a notebook's cell. */
import * as vscode from "vscode";
import type { Location } from "./messages";

/** `beside` is the view's own column, which is kept free. */
export async function openLocation(location: Location, beside: vscode.ViewColumn | undefined): Promise<void> {
  const uri = vscode.Uri.parse(location.document, true);
  const column = beside === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
  const { start, end } = location.range;
  const range = new vscode.Range(start.line, start.character, end.line, end.character);
  if (location.cell === undefined || location.cell === null) {
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: column, selection: range, preview: true });
  } else await openCell(uri, location.cell, range, column);
}

async function openCell(uri: vscode.Uri, index: number, range: vscode.Range, column: vscode.ViewColumn): Promise<void> {
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const cell = Math.min(index, notebook.cellCount - 1);
  const selections = [new vscode.NotebookRange(cell, cell + 1)];
  const shown = await vscode.window.showNotebookDocument(notebook, { viewColumn: column, selections });
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
