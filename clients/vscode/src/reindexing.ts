/** Brings a corpus up to date when one of its files is saved, if the person wants it. */
import * as vscode from "vscode";
import type { Indexer } from "./indexing";
import { debounce } from "./pure/debounce";
import { readSettings } from "./settings";

const REST = 1500;

/** Saves within a second and a half make one run; a corpus that is being built is skipped. */
export function reindexOnSave(
  indexer: Indexer,
  onDone: (corpus: string) => void,
  onError: (error: unknown) => void,
): vscode.Disposable {
  const due = new Map<string, vscode.Uri>();
  const run = debounce(
    () => REST,
    () => {
      const folders = [...due];
      due.clear();
      for (const [corpus, folder] of folders) {
        if (indexer.isBusy(corpus)) continue;
        indexer.refresh(corpus, folder).then((result) => result && onDone(result.corpus), onError);
      }
    },
  );
  const listener = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
    if (!readSettings(uri).indexOnSave) return;
    for (const { corpus, folder } of indexer.folders) {
      if (!uri.toString().startsWith(folder.endsWith("/") ? folder : `${folder}/`)) continue;
      due.set(corpus, vscode.Uri.parse(folder));
      run();
    }
  });
  return new vscode.Disposable(() => {
    run.cancel();
    listener.dispose();
  });
}
