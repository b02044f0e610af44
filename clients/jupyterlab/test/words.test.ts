import { describe, expect, it } from "vitest";
import { RpcError } from "#shared/rpc";
import type { ReadableEditor } from "../src/editorText";
import { fromEditor, isHalfEmpty } from "../src/editorText";
import { failure, fraction, statusText } from "../src/wording";

const TEXT = "The girl ran.\n\nThe naïve 👩‍💻 sat.\n";

type Place = [line: number, column: number];

/** An editor over TEXT with selections; offsets are counted the slow way. */
function editorWith(ranges: readonly [Place, Place][], mainIndex = ranges.length - 1, text = TEXT): ReadableEditor {
  const lines = text.split("\n");
  const before = (line: number) => lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
  const place = ([line, column]: Place) => ({ line, column });
  return {
    getSelections: () => ranges.map(([start, end]) => ({ start: place(start), end: place(end) })),
    getOffsetAt: ({ line, column }) => before(line) + column,
    model: { sharedModel: { getSource: () => text } },
    state: { selection: { mainIndex } },
  };
}

const editor = (start: Place, end: Place) => editorWith([[start, end]]);

describe("the selection of an editor", () => {
  it("is its exact text, spaces included", () =>
    expect(fromEditor(editor([0, 3], [0, 9]), "a.md", true)).toEqual({ text: " girl ", label: "a.md:1" }));
  it("is the same when it was dragged backwards", () =>
    expect(fromEditor(editor([2, 9], [0, 4]), "a.md", true)).toEqual(fromEditor(editor([0, 4], [2, 9]), "a.md", true)));
  it("counts in UTF-16, as editors do", () =>
    expect(fromEditor(editor([2, 10], [2, 15]), "a.md", true)?.text).toBe("👩‍💻"));
  it("means the sentence at the cursor when it is empty, as in VS Code", () =>
    expect(fromEditor(editor([2, 3], [2, 3]), "a.md", true)).toEqual({ text: "The naïve 👩‍💻 sat.", label: "a.md:3" }));
  it("means the whole sentence where it is wrapped, and no other of its line", () => {
    const text = "He slept. The girl\nran to a pub. It rained.\n";
    const at = (line: number, column: number) =>
      fromEditor(
        editorWith(
          [
            [
              [line, column],
              [line, column],
            ],
          ],
          0,
          text,
        ),
        "a.md",
        true,
      );
    expect(at(1, 2)).toEqual({ text: "The girl\nran to a pub.", label: "a.md:1" });
    expect(at(1, 16)).toEqual({ text: "It rained.", label: "a.md:2" });
  });
  it("means nothing when it is empty and only a real selection is wanted", () =>
    expect(fromEditor(editor([2, 3], [2, 3]), "a.md", false)).toBeNull());
  it("means nothing on an empty line", () => expect(fromEditor(editor([1, 0], [1, 0]), "a.md", true)).toBeNull());
});

describe("two selections of an editor", () => {
  const girl: [Place, Place] = [
    [0, 4],
    [0, 8],
  ];
  const sat: [Place, Place] = [
    [2, 20],
    [2, 16],
  ];
  const cursor: [Place, Place] = [
    [1, 0],
    [1, 0],
  ];
  const blank: [Place, Place] = [
    [0, 8],
    [0, 9],
  ];

  it("are the two segments of a pair", () =>
    expect(fromEditor(editorWith([girl, sat]), "a.md", true)).toEqual({
      text: "girl",
      textPair: "sat.",
      label: "a.md:1 + 3",
    }));
  it("stand in the order in which they were made, whichever stands first in the text", () =>
    expect(fromEditor(editorWith([girl, sat], 0), "a.md", true)).toEqual({
      text: "sat.",
      textPair: "girl",
      label: "a.md:3 + 1",
    }));
  it("are a pair, too, where a cursor stands somewhere else", () => {
    expect(fromEditor(editorWith([girl, cursor, sat]), "a.md", true)?.textPair).toBe("sat.");
    expect(fromEditor(editorWith([girl, cursor, sat], 0), "a.md", true)?.textPair).toBe("girl");
  });
  it("are no pair when only one of them holds characters", () =>
    expect(fromEditor(editorWith([cursor, sat]), "a.md", true)).toEqual({ text: "sat.", label: "a.md:3" }));
  it("of three, the first is explored", () =>
    expect(fromEditor(editorWith([girl, blank, sat]), "a.md", true)).toEqual({ text: "girl", label: "a.md:1" }));
  it("are half empty when one of them is blank, as one selection never is", () => {
    const selected = (...ranges: [Place, Place][]) => fromEditor(editorWith(ranges), "a.md", true);
    expect(
      [selected(girl, sat), selected(blank, sat), selected(girl)].map((one) => one !== null && isHalfEmpty(one)),
    ).toEqual([false, true, false]);
  });
});

describe("progress", () => {
  it.each([
    [undefined, undefined],
    [0, 0],
    [50, 0.5],
    [120, 1],
  ])("%s per cent is the share %s", (percentage, share) => expect(fraction({ percentage })).toBe(share));
});

describe("failures", () => {
  it("show the hint of the server", () =>
    expect(failure("Search", new RpcError(-33003, "no corpus x", { hint: "There is y." }))).toBe(
      "Search: no corpus x. There is y.",
    ));
  it("show anything that was thrown", () => expect(failure("Search", "odd")).toBe("Search: odd"));
});

describe("the status item", () => {
  const info = { protocolVersion: "1.0", methods: [], defaultModel: "mini", device: "cpu" };
  it("says only its name until the server was needed", () =>
    expect(statusText({ kind: "starting" }, null, false).text).toBe("exBERT"));
  it("names the model and the device when all is well", () =>
    expect(statusText({ kind: "ready" }, info, true)).toEqual({ text: "exBERT: mini", title: "exBERT: mini on cpu" }));
  it("names a model of a folder by the folder alone", () =>
    expect(statusText({ kind: "ready" }, { ...info, defaultModel: "/data/models/mine" }, true).text).toBe(
      "exBERT: mine",
    ));
  it("says in words what is wrong, not by a color", () => {
    expect(statusText({ kind: "crashed", message: "It ended." }, info, true)).toEqual({
      text: "exBERT server stopped ⚠",
      title: "It ended.",
    });
    expect(statusText({ kind: "missing" }, null, true).text).toBe("exBERT not installed ⚠");
  });
});
