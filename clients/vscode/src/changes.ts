/** Which documents change while the view is open: hits in them are marked at once. */
import * as vscode from "vscode";

/** Calls with the uri of a text or notebook whose contents changed, in its editor or on disk. */
export function watchDocuments(onChange: (uri: vscode.Uri) => void): vscode.Disposable {
  const files = vscode.workspace.createFileSystemWatcher("**/*", true);
  return vscode.Disposable.from(
    files,
    files.onDidChange(onChange),
    files.onDidDelete(onChange),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0 && document.uri.scheme === "file") onChange(document.uri);
    }),
    vscode.workspace.onDidChangeNotebookDocument(({ notebook, contentChanges, cellChanges }) => {
      if (contentChanges.length > 0 || cellChanges.some((cell) => cell.document !== undefined)) onChange(notebook.uri);
    }),
  );
}

/** What differs from the files on disk at this moment. */
export function unsavedDocuments(): readonly { readonly uri: vscode.Uri }[] {
  const texts = vscode.workspace.textDocuments.filter(({ isDirty, uri }) => isDirty && uri.scheme === "file");
  return [...texts, ...vscode.workspace.notebookDocuments.filter(({ isDirty }) => isDirty)];
}
