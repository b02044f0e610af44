import { describe, expect, it } from "vitest";
import { layerValues, MINI, tokenize } from "../../dev/synthetic";
import { eachTokenAlone, groupByWord, groupOf, unitAt } from "../../src/logic/units";
import { masksFor } from "../../src/panes/attention/logic/masks";
import { aggregate } from "../../src/panes/attention/logic/words";
import * as oracle from "./oracles";

const TEXT = "Thermocouples everywhere were surrounding her.";

describe("words", () => {
  it("join neighboring sub-words and leave special tokens alone", () => {
    const tokens = tokenize(MINI, TEXT, null, []);
    const names = groupByWord(tokens).map((group) =>
      group.tokens.map((i) => tokens[i].text || tokens[i].token).join(""),
    );
    expect(names).toEqual(["[CLS]", "Thermocouples", "everywhere", "were", "surrounding", "her", ".", "[SEP]"]);
  });

  it("do not join across segments that number their words alike", () => {
    const tokens = tokenize(MINI, "one", "one", []);
    expect(groupByWord(tokens).every((group) => group.tokens.length === 1)).toBe(true);
  });

  it("do not join tokens that have no word", () => {
    const tokens = [0, 1].map(() => ({ word: null, isSpecial: false, segment: 0 }));
    expect(groupByWord(tokens).length).toBe(2);
  });

  it("are the unit of each of their tokens, and of none where tokens are shown", () => {
    const tokens = tokenize(MINI, TEXT, "Thermocouples", []);
    const groups = groupByWord(tokens);
    for (const at of tokens.keys()) {
      expect(unitAt(tokens, at, true)).toEqual(groups[groupOf(groups, at)]);
      expect(unitAt(tokens, at, false)).toEqual({ tokens: [at] });
    }
  });

  it("are found by any of their tokens", () => {
    const groups = [{ tokens: [0] }, { tokens: [1, 2] }];
    expect([groupOf(groups, 2), groupOf(groups, 3)]).toEqual([1, -1]);
  });
});

describe("attention by word", () => {
  const tokens = tokenize(MINI, TEXT, null, []);
  const n = tokens.length;
  const layer = { heads: [0, 1, 2], nQueries: n, nKeys: n, values: layerValues(1, 3, n, n, false) };
  const groups = groupByWord(tokens);

  it("is the sum over the keys and the mean over the queries of a word", () => {
    const found = aggregate(layer, groups, groups);
    const lists = groups.map((group) => group.tokens);
    const expected = oracle.byWord(oracle.cubeOf(layer.values, 3, n, n), lists, lists).flat(2);
    expect(found.values.length).toBe(expected.length);
    found.values.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
  });

  it("keeps every row's sum", () => {
    const found = aggregate(layer, groups, groups);
    for (let row = 0; row < 3 * groups.length; row++) {
      const sum = found.values.subarray(row * groups.length, (row + 1) * groups.length).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
  });

  it("is the layer itself when every token stands alone", () => {
    expect(aggregate(layer, eachTokenAlone(n), eachTokenAlone(n))).toBe(layer);
  });
});

describe("masks", () => {
  const tokens = tokenize(MINI, "she ran", "he was late", []);
  const groups = eachTokenAlone(tokens.length);
  const kept = (bits: Uint8Array) =>
    [...bits].flatMap((bit, i) => (bit === 1 ? [tokens[i].text || tokens[i].token] : []));

  it("take out every special token of both sides when asked", () => {
    const masks = masksFor(tokens, groups, tokens, groups, { hideSpecial: true, hideFirst: false, segments: "all" });
    expect(kept(masks.rows)).toEqual(["she", "ran", "he", "was", "late"]);
    expect(kept(masks.columns)).toEqual(["she", "ran", "he", "was", "late"]);
  });

  it.each([
    ["AA", ["she", "ran"], ["she", "ran"]],
    ["AB", ["she", "ran"], ["he", "was", "late"]],
    ["BA", ["he", "was", "late"], ["she", "ran"]],
    ["BB", ["he", "was", "late"], ["he", "was", "late"]],
  ] as const)("of %s keep the rows of one segment and the columns of the other", (segments, rows, columns) => {
    const masks = masksFor(tokens, groups, tokens, groups, { hideSpecial: true, hideFirst: false, segments });
    expect(kept(masks.rows)).toEqual(rows);
    expect(kept(masks.columns)).toEqual(columns);
  });
});
