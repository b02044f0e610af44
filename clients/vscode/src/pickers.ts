/** The lists to choose from: models, corpora. Each returns what was chosen, or undefined. */
import * as vscode from "vscode";
import type { CorpusDescription } from "../../../protocol/types";
import { withCommas } from "../../shared/src/buildSummary";
import type { Server } from "./server";

interface ValueItem extends vscode.QuickPickItem {
  readonly value: string;
}

export async function pickModel(server: Server, current: string | null): Promise<string | undefined> {
  const items = server.request("listModels", {}).then(({ models }): ValueItem[] => [
    ...models.map(({ id, source, loaded, isDefault }) => ({
      label: id,
      description: [isDefault ? "default" : "", loaded ? "loaded" : "", id === current ? "chosen" : ""]
        .filter(Boolean)
        .join(", "),
      detail: source,
      value: id,
    })),
    { label: "$(edit) Another one…", description: "a Hugging Face id or a folder", value: "" },
  ]);
  await items; // a failure is shown as a message, not as an empty list
  const picked = await vscode.window.showQuickPick(items, { title: "exBERT: model", matchOnDetail: true });
  if (picked === undefined) return undefined;
  if (picked.value !== "") return picked.value;
  const typed = await vscode.window.showInputBox({
    title: "exBERT: model",
    prompt: "Hugging Face id, or path of a folder",
    value: current ?? "",
  });
  return typed?.trim() === "" ? undefined : typed?.trim();
}

function describe(corpus: CorpusDescription): string {
  const size = `${withCommas(corpus.documents)} documents, ${withCommas(corpus.sentences)} sentences, ${(corpus.bytes / 1e6).toFixed(1)} MB`;
  return corpus.damaged.length === 0 ? size : `${size} (damaged: index it again)`;
}

export type CorpusChoice = { readonly kind: "corpus"; readonly name: string } | { readonly kind: "indexFolder" };

export async function pickCorpus(server: Server, current: string | null): Promise<CorpusChoice | undefined> {
  const { corpora } = await server.request("listCorpora", {});
  const items = [
    ...corpora.map((corpus) => ({
      label: corpus.corpus,
      description: corpus.corpus === current ? "chosen" : "",
      detail: `${describe(corpus)} · ${corpus.model}`,
      choice: { kind: "corpus", name: corpus.corpus } as CorpusChoice,
    })),
    {
      label: "$(folder) Index files or folders…",
      description: "",
      detail: "makes a new corpus",
      choice: { kind: "indexFolder" } as CorpusChoice,
    },
  ];
  return (await vscode.window.showQuickPick(items, { title: "exBERT: corpus" }))?.choice;
}
