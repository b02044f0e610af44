import { describe, expect, it } from "vitest";
import { type Expected, findAgain, findInCells } from "../src/findAgain";

const TEXT = "The girl ran to a local pub to escape the din.";
const at = TEXT.indexOf("escape");
const sentence: Expected = { text: TEXT, start: at, end: at + 6, changed: false };
const DOCUMENT = `First things first.\n\n${TEXT} It rained.\n`;
const PLACE = DOCUMENT.indexOf("escape");

const shown = (document: string, found: ReturnType<typeof findAgain>) =>
  "start" in found ? `${found.kind} ${document.slice(found.start, found.end)}` : found.kind;

describe("a hit in a document", () => {
  it("stands where it was as long as nothing changed", () =>
    expect(findAgain(DOCUMENT, PLACE, sentence)).toEqual({ kind: "same", start: PLACE, end: PLACE + 6 }));

  it("is found again after lines were added or removed before it", () => {
    for (const now of [`New line.\n${DOCUMENT}`, DOCUMENT.slice(8)]) {
      const found = findAgain(now, PLACE, sentence);
      expect(found).toMatchObject({ kind: "moved", start: now.indexOf("escape") });
      expect(shown(now, found)).toBe("moved escape");
    }
  });

  it("is found again after its paragraph was wrapped anew, also with the line breaks of Windows", () => {
    const wrapped = DOCUMENT.replace("local pub", "local\r\n   pub");
    expect(shown(wrapped, findAgain(wrapped, PLACE, sentence))).toBe("moved escape");
    const both = { ...sentence, text: TEXT.replace("local pub", "local\npub") };
    expect(shown(DOCUMENT, findAgain(DOCUMENT, PLACE, both))).toBe("same escape");
  });

  it("is the nearest of several sentences that read alike", () => {
    const twice = `${TEXT}\n${"x\n".repeat(50)}${TEXT}`;
    const second = twice.lastIndexOf("escape");
    expect(findAgain(twice, second + 4, sentence)).toMatchObject({ kind: "moved", start: second });
  });

  it("is gone when its sentence has another word and the document is known to have changed", () => {
    const now = DOCUMENT.replace("local pub", "station");
    expect(findAgain(now, PLACE, { ...sentence, changed: true })).toEqual({ kind: "gone" });
  });

  it("is where the server says in a file that has it in other letters, and has not changed", () =>
    expect(findAgain(JSON.stringify({ text: 'He said "no".' }), 20, { ...sentence, text: 'He said "no".' })).toEqual({
      kind: "unchanged",
    }));

  it("is taken to the letter: its signs mean nothing but themselves", () => {
    const odd = { text: "Is f(x) = [a-z]* or $1?", start: 3, end: 7, changed: true };
    const now = `Well. ${odd.text}`;
    expect(shown(now, findAgain(now, 0, odd))).toBe("moved f(x)");
    expect(findAgain("Is f(x) = q or $1?", 0, odd)).toEqual({ kind: "gone" });
  });
});

describe("a hit in a notebook", () => {
  const cells = ["# Title", DOCUMENT, "x = 1"];

  it("stands in its cell", () =>
    expect(findInCells(cells, 1, PLACE, sentence)).toEqual({
      cell: 1,
      found: { kind: "same", start: PLACE, end: PLACE + 6 },
    }));

  it("is found in the cell that it moved to", () => {
    expect(findInCells(["new", ...cells], 1, PLACE, sentence)).toMatchObject({ cell: 2, found: { kind: "moved" } });
    expect(findInCells(cells, 7, PLACE, sentence)).toMatchObject({ cell: 1, found: { kind: "moved" } });
  });

  it("is gone when no cell has it and the notebook has changed", () =>
    expect(findInCells(["# Title"], 1, 5, { ...sentence, changed: true }).found).toEqual({ kind: "gone" }));
});
