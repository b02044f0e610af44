import { describe, expect, it } from "vitest";
import * as format from "../../src/logic/format";
import { contrast, headColor, inkOn, labelColor } from "../../src/logic/palette";

const POS = [
  "ADJ",
  "ADP",
  "ADV",
  "AUX",
  "CCONJ",
  "DET",
  "INTJ",
  "NOUN",
  "NUM",
  "PART",
  "PRON",
  "PROPN",
  "PUNCT",
  "SCONJ",
  "SYM",
  "VERB",
  "X",
  "SPACE",
];

describe("colors", () => {
  it("of labels can be written on", () => {
    const labels = [
      ...POS.map((label) => [label, "pos"]),
      ...["nsubj", "dobj", "PERSON", "npadvmod"].map((label) => [label, "dep"]),
    ];
    for (const [label, attribute] of labels) {
      const color = labelColor(label, attribute) as string;
      expect(contrast(color, inkOn(color))).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("of heads stand out from the page and can be written on, light and dark", () => {
    for (let head = 0; head < 12; head++) {
      expect(contrast(headColor(head, "light"), "#ffffff")).toBeGreaterThanOrEqual(4.5);
      expect(contrast(headColor(head, "dark"), "#1e1f24")).toBeGreaterThanOrEqual(4.5);
      for (const mode of ["light", "dark"] as const)
        expect(contrast(headColor(head, mode), inkOn(headColor(head, mode)))).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("of parts of speech are all different, and none has none", () => {
    expect(new Set(POS.map((label) => labelColor(label, "pos"))).size).toBe(POS.length);
    expect(labelColor("none", "pos")).toBe(null);
  });
});

describe("numbers and names", () => {
  it.each([
    [[0, 1, 2, 5, 7, 8], "0–2, 5, 7, 8"],
    [[3], "3"],
    [[], ""],
  ] as const)("of heads %j read %s", (heads, text) => {
    expect(format.ranges(heads)).toBe(text);
  });

  it("of files end in folder and name", () => {
    expect(format.shortUri("file:///home/me/my%20notes/f16.txt")).toBe("my notes/f16.txt");
    expect(format.shortUri("pydoc:if")).toBe("if");
    expect(format.shortUri("file:///C:/x/100%.md")).toBe("x/100%.md");
  });

  it("of weights never pretend to more than there is", () => {
    expect([0.934, 0.0412, 0.0001, 0].map(format.weight)).toEqual(["0.93", "0.041", "<0.001", "0"]);
  });

  it("of labels that the corpus never has say that they are new", () => {
    expect([format.lift(null), format.lift(0), format.lift(9.14), format.lift(240.2)]).toEqual([
      "new",
      "absent",
      "9.1×",
      "240×",
    ]);
  });
});
