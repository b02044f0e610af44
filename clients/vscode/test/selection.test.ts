import { afterEach, describe, expect, it } from "vitest";
import { currentSelection } from "../src/selection";
import { Position, restore, Selection, textDocument, window, workspace } from "./fakes/vscode";

const CODE = textDocument("vscode-notebook-cell:/n.ipynb#a", "print(1)");
const PROSE = textDocument("vscode-notebook-cell:/n.ipynb#b", "The girl ran. She reached the bridge.\n\nIt rained.");

/** A notebook of a code cell and a Markdown cell, one of them selected. */
function openNotebook(selected: number): void {
  const cells = [CODE, PROSE].map((document, index) => ({ document, index }));
  const notebook = { cellCount: cells.length, cellAt: (i: number) => cells[i], getCells: () => cells };
  workspace.notebookDocuments = [notebook];
  window.activeNotebookEditor = { notebook, selections: [{ start: selected, end: selected + 1 }] };
}

const cursorIn = (document: unknown, line: number, character: number) => {
  const at = new Position(line, character);
  return { document, selections: [new Selection(at, at)], selection: new Selection(at, at) };
};

const explored = () => {
  const chosen = currentSelection(1000);
  if (chosen.kind !== "text") return chosen.reason;
  return `${chosen.selection.label}: ${(chosen.range as { end: { character: number } }).end.character}`;
};

describe("what a notebook explores", () => {
  afterEach(restore);

  it("is the Markdown cell that is selected, also after a code cell was edited", () => {
    openNotebook(1);
    window.activeTextEditor = cursorIn(CODE, 0, 3); // VS Code keeps it
    expect(explored()).toBe("n.ipynb, cell 2:1: 10");
  });

  it("is the sentence at the cursor of the cell that is edited", () => {
    openNotebook(1);
    window.activeTextEditor = cursorIn(PROSE, 0, 20);
    expect(explored()).toBe("n.ipynb, cell 2:1: 37");
  });

  it("is the selected code cell when the cursor stands in it", () => {
    openNotebook(0);
    window.activeTextEditor = cursorIn(CODE, 0, 3);
    expect(explored()).toBe("n.ipynb, cell 1:1: 8");
  });
});
