/** Follow-selection: what is selected is explored once it has rested, as long as somebody looks. */
import * as vscode from "vscode";
import { debounce } from "./pure/debounce";
import { type Selected, selectionOf } from "./selection";
import { readSettings } from "./settings";

/** Calls `explore` with what rests selected while `isWatched()`. The view cancels what it asked for before. */
export function followSelection(
  isWatched: () => boolean,
  explore: (selected: Extract<Selected, { kind: "text" }>) => void,
): vscode.Disposable {
  const settle = debounce(
    () => readSettings().followDelay,
    (editor: vscode.TextEditor) => {
      if (!isWatched() || editor.document.isClosed) return;
      const selected = selectionOf(editor, readSettings().maxCharacters);
      if (selected.kind === "text") explore(selected);
    },
  );
  const listener = vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
    // moves by commands are ours too: opening a hit must not explore it
    if (kind === undefined || kind === vscode.TextEditorSelectionChangeKind.Command) return;
    if (readSettings().followSelection && isWatched()) settle(textEditor);
  });
  return new vscode.Disposable(() => {
    settle.cancel();
    listener.dispose();
  });
}
