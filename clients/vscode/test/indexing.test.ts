import { beforeEach, describe, expect, it } from "vitest";
import { Indexer } from "../src/indexing";
import { restore, Uri, window, workspace } from "./fakes/vscode";

const NOTES = Uri.file("/home/me/notes");
const MODELS = [
  { id: "mini", isDefault: true },
  { id: "org/bert", isDefault: false },
];
const TEXTS = { format: "text", files: 2, bytes: 10, fields: [] as string[] };

/** A server that has a corpus “notes” of the model “mini”, and keeps what it is asked. */
function makeServer(formats: readonly object[] = [TEXTS], skipped: readonly object[] = []) {
  const asked: { readonly method: string; readonly params: Record<string, unknown> }[] = [];
  const answers: Record<string, object> = {
    listModels: { models: MODELS },
    listCorpora: { corpora: [{ corpus: "notes", model: "mini" }] },
    previewSources: { formats, skipped },
  };
  const request = (method: string, params: Record<string, unknown>) => {
    asked.push({ method, params });
    const built = { corpus: params.corpus, documents: 2, sentences: 3, tokens: 9, seconds: 1, unchanged: 0, skipped };
    return Promise.resolve(answers[method] ?? built);
  };
  const builds = () => asked.filter(({ method }) => method === "indexCorpus").map(({ params }) => params);
  return { request, asked, builds };
}

function makeIndexer(server: ReturnType<typeof makeServer>) {
  const state = new Map<string, unknown>();
  const memento = {
    get: (key: string, otherwise: unknown) => state.get(key) ?? otherwise,
    update: (key: string, value: unknown) => Promise.resolve(void state.set(key, value)),
  };
  const log = { info: () => undefined, warn: () => undefined };
  return new Indexer(server as never, memento as never, log as never);
}

describe("what is indexed", () => {
  beforeEach(() => {
    restore();
    workspace.folders.add("/home/me/notes");
    workspace.found = [Uri.file("/home/me/notes/a.txt"), Uri.file("/home/me/notes/b.csv")];
  });

  it("is read by the model in use, under a name that no other model's corpus has", async () => {
    const server = makeServer();
    await makeIndexer(server).indexWith("org/bert", [NOTES] as never, false);
    expect(server.builds()).toMatchObject([{ corpus: "notes-bert", model: "org/bert" }]);
  });

  it("is read by the server's default where nothing is in use, and keeps its name", async () => {
    const server = makeServer();
    await makeIndexer(server).indexWith(null, [NOTES] as never, false);
    expect(server.builds()).toMatchObject([{ corpus: "notes", model: "mini" }]);
  });

  it("is brought up to date by the corpus's own model, whatever is in use", async () => {
    const server = makeServer();
    await makeIndexer(server).refresh("notes-bert", [NOTES] as never);
    expect(server.builds()).toHaveLength(1);
    expect(server.builds()[0]).not.toHaveProperty("model");
    expect(server.builds()[0]).not.toHaveProperty("reading");
  });

  it("may be files and folders together, each once, and is remembered", async () => {
    const server = makeServer();
    const indexer = makeIndexer(server);
    const file = Uri.file("/home/me/other.md");
    await indexer.indexWith("mini", [NOTES, file, file] as never, false);
    const [{ sources }] = server.builds() as [{ sources: string[] }];
    expect(sources).toEqual([...workspace.found, file].map(String).sort());
    expect(indexer.indexed).toEqual([{ corpus: "notes", roots: [NOTES, file, file].map(String) }]);
  });

  it("is shown by format first, with what is left out, and not read when the person says no", async () => {
    const csv = { format: "csv", files: 1, bytes: 5, fields: ["id", "body"] };
    const server = makeServer([TEXTS, csv], [{ uri: "file:///x.pdf", reason: "is a PDF" }]);
    const shown: unknown[] = [];
    window.showQuickPick = (items) => Promise.resolve(items.find(({ label }) => label === "body"));
    window.showInformationMessage = (...given: unknown[]) => Promise.resolve(void shown.push(given));
    expect(await makeIndexer(server).indexWith("mini", [NOTES] as never, true)).toBeUndefined();
    expect(shown).toEqual([
      [
        "Index 3 files as “notes”?",
        { modal: true, detail: "2 files of text (0.0 KB)\n1 file of csv (0.0 KB)\n\nLeft out:\n/x.pdf: is a PDF" },
        "Index",
      ],
    ]);
    expect(server.builds()).toEqual([]);
  });

  it("takes the field that was chosen for the text of records", async () => {
    const csv = { format: "csv", files: 1, bytes: 5, fields: ["id", "body"] };
    const server = makeServer([TEXTS, csv]);
    window.showQuickPick = (items) => Promise.resolve(items.find(({ label }) => label === "body"));
    window.showInformationMessage = () => Promise.resolve("Index");
    await makeIndexer(server).indexWith("mini", [NOTES] as never, true);
    expect(server.builds()).toMatchObject([{ reading: { textField: "body" } }]);
    window.showQuickPick = () => Promise.resolve(undefined);
    await makeIndexer(server).indexWith("mini", [NOTES] as never, true);
    expect(server.builds(), "no answer is a no").toHaveLength(1);
  });
});
