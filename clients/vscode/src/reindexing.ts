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
  const due = new Map<string, readonly vscode.Uri[]>();
  const run = debounce(
    () => REST,
    () => {
      const corpora = [...due];
      due.clear();
      for (const [corpus, roots] of corpora) {
        if (indexer.isBusy(corpus)) continue;
        indexer.refresh(corpus, roots).then((result) => result && onDone(result.corpus), onError);
      }
    },
  );
  const listener = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
    if (!readSettings(uri).indexOnSave) return;
    for (const { corpus, roots } of indexer.indexed) {
      if (!roots.some((root) => isAtOrBelow(uri.toString(), root))) continue;
      due.set(
        corpus,
        roots.map((root) => vscode.Uri.parse(root)),
      );
      run();
    }
  });
  return new vscode.Disposable(() => {
    run.cancel();
    listener.dispose();
  });
}

function isAtOrBelow(uri: string, root: string): boolean {
  return uri === root || uri.startsWith(root.endsWith("/") ? root : `${root}/`);
}
