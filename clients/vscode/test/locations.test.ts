import { afterEach, describe, expect, it } from "vitest";
import { openLocation } from "../src/locations";
import { restore, TabInputWebview, textDocument, Uri, ViewColumn, window, workspace } from "./fakes/vscode";

const SENTENCE = "The girl ran to a pub.";
const HIT = {
  document: "file:///home/me/a.txt",
  range: { start: { line: 2, character: 4 }, end: { line: 2, character: 8 } },
  expected: { text: SENTENCE, start: 4, end: 8, changed: false },
};

/** Opens the hit in a document that reads like this now; where it was shown, and what was selected. */
async function open(text: string, { changed = false, isDirty = false, location = HIT } = {}) {
  const shown: { viewColumn: number; selection: { start: unknown; end: unknown } }[] = [];
  workspace.openTextDocument = () => Promise.resolve({ ...textDocument(HIT.document, text), isDirty });
  window.showTextDocument = (...given: unknown[]) => Promise.resolve(void shown.push(given[1] as never));
  const outcome = await openLocation({ ...location, expected: { ...location.expected, changed } } as never);
  return { outcome, shown: shown[0] };
}

const at = (line: number, from: number, to: number) => ({
  start: { line, character: from },
  end: { line, character: to },
});

describe("a hit that is opened", () => {
  afterEach(restore);

  it("is selected where it stands", async () => {
    const { outcome, shown } = await open(`One.\n\n${SENTENCE}\n`);
    expect(outcome).toBe("shown");
    expect(shown?.selection).toMatchObject(at(2, 4, 8));
  });

  it("is found where its sentence stands now", async () => {
    const { outcome, shown } = await open(`One.\n\nNew.\n\nAnd ${SENTENCE}\n`, { isDirty: true });
    expect(outcome).toBe("moved");
    expect(shown?.selection).toMatchObject(at(4, 8, 12));
  });

  it("is not shown at a wrong place when its sentence is gone", async () => {
    expect(await open("One.\n\nSomething else stands here.\n", { changed: true })).toEqual({ outcome: "gone" });
    expect(await open("", { isDirty: true })).toEqual({ outcome: "gone" });
  });

  it("is shown where the server says when its file has it in other letters, and has not changed", async () => {
    const { outcome, shown } = await open('{}\n{}\n{"text": "\\u0054he girl ran to a pub."}\n');
    expect([outcome, shown?.selection]).toEqual(["shown", expect.objectContaining(at(2, 4, 8))]);
  });

  it("says so when its document is gone", async () => {
    workspace.openTextDocument = () => Promise.reject(new Error("cannot open"));
    workspace.isThere = false;
    expect(await openLocation(HIT as never)).toBe("absent");
  });
});

describe("the column of a hit", () => {
  afterEach(restore);
  const view = { input: new TabInputWebview("mainThreadWebview-exbert.view") };
  const text = (name: string) => ({ input: { uri: Uri.file(name) } });
  const group = (viewColumn: number, ...tabs: object[]) => ({ viewColumn, tabs, activeTab: tabs[0] });
  const column = async (...groups: object[]) => {
    window.tabGroups.all = groups;
    return (await open(`One.\n\n${SENTENCE}\n`)).shown?.viewColumn;
  };

  it("is the one beside the view", async () => {
    expect(await column(group(1, text("/b.txt")), group(2, view))).toBe(1);
    expect(await column(group(1, view), group(2, text("/b.txt")))).toBe(2);
  });

  it("is where the document is open already", async () =>
    expect(await column(group(1, text("/b.txt")), group(2, view), group(3, text("/home/me/a.txt")))).toBe(3));

  it("is a new one where the view has all there are, or shares one with the text", async () => {
    expect(await column(group(1, view))).toBe(ViewColumn.Beside);
    expect(await column(group(1, view, text("/home/me/a.txt")))).toBe(ViewColumn.Beside);
    expect(await column(group(1, text("/home/me/a.txt"), view))).toBe(ViewColumn.Beside);
  });
});
