import { describe, expect, it } from "vitest";
import { recordedSearch, recordedSummary } from "../../dev/recordedHost";
import { describeModel, MINI, tokenize } from "../../dev/synthetic";
import { search, summarize } from "../../dev/syntheticCorpus";
import { toCsv } from "../../src/logic/csv";
import { labelOf, matchesBar, sameLabel } from "../../src/logic/labels";
import { tokensTable } from "../../src/panes/attention/tables";
import { lineOf } from "../../src/panes/corpus/hits";
import { kwic, sentencePieces, shading } from "../../src/panes/corpus/logic/kwic";
import { hitsTable } from "../../src/panes/corpus/tables";
import { summaryTable } from "../../src/panes/summary/tables";
import type { Hit } from "../../src/protocol";

const result = search({ corpus: "brown", k: 40 }, describeModel(MINI), "s");
const hits = result.hits;
const mode = { subject: "match", attention: "outgoing" } as const;

function tiny(text: string, spans: readonly (readonly [number, number])[], match: number): Hit {
  const tokens = spans.map(([start, end]) => ({ ...hits[0].tokens[1], text: text.slice(start, end), start, end }));
  return { ...hits[0], sentence: { index: 0, text }, tokens, match };
}

describe("the place of a hit", () => {
  const place = { line: 11, character: 4 };
  const end = { line: 11, character: 9 };

  it("is a line, of a file or a cell", () => {
    expect(lineOf({ ...hits[0], cell: null, record: 3, range: { start: place, end } })).toBe("12");
    expect(lineOf({ ...hits[0], cell: 1, record: null, range: { start: place, end } })).toBe("cell 2:12");
  });

  it("is a row of a file that has no lines", () => {
    const start = { line: 0, character: 0 };
    expect(lineOf({ ...hits[0], cell: null, record: 0, range: { start, end: start } })).toBe("row 1");
    expect(lineOf({ ...hits[0], cell: null, record: 41, range: { start, end: start } })).toBe("row 42");
  });
});

describe("a concordance line", () => {
  it("holds every character of the sentence, once", () => {
    for (const hit of [...hits, ...recordedSearch.hits])
      expect(
        sentencePieces(hit)
          .map((piece) => piece.text)
          .join(""),
      ).toBe(hit.sentence.text);
  });

  it("has the match as one whole piece between what is before and after", () => {
    const line = kwic(
      tiny(
        "we insure it",
        [
          [0, 2],
          [3, 6],
          [6, 9],
          [10, 12],
        ],
        1,
      ),
    );
    expect(line.left.map((piece) => piece.text).join("")).toBe("we ");
    expect(line.match.map((piece) => piece.text)).toEqual(["ins"]);
    expect(line.right.map((piece) => piece.text).join("")).toBe("ure it");
  });

  it("turns line breaks into spaces and keeps the sentence itself", () => {
    const hit = tiny(
      "we\n  ran",
      [
        [0, 2],
        [5, 8],
      ],
      1,
    );
    expect(
      kwic(hit)
        .left.map((piece) => piece.text)
        .join(""),
    ).toBe("we ");
    expect(
      sentencePieces(hit)
        .map((piece) => piece.text)
        .join(""),
    ).toBe("we\n  ran");
  });

  it("survives tokens that overlap, as byte-level ones can", () => {
    const hit = tiny(
      "a😀b",
      [
        [0, 1],
        [1, 3],
        [1, 3],
        [3, 4],
      ],
      3,
    );
    expect(
      sentencePieces(hit)
        .map((piece) => piece.text)
        .join(""),
    ).toBe("a😀b");
  });

  it("is shaded relative to its strongest token that is not special", () => {
    for (const direction of ["outgoing", "incoming"] as const) {
      const amounts = shading(hits[3], direction);
      expect(Math.max(...amounts)).toBe(1);
      hits[3].tokens.forEach((token, i) => token.isSpecial && expect(amounts[i]).toBe(0));
    }
  });
});

describe("a clicked bar", () => {
  it("keeps as many rows as the server counted", () => {
    for (const attention of ["outgoing", "incoming"] as const) {
      const summary = summarize(result, attention);
      for (const { of, attribute, bins } of summary.histograms) {
        for (const { label, count } of bins) {
          expect(hits.filter((hit) => matchesBar(hit, { of, attribute, label }, summary)).length).toBe(count);
        }
      }
    }
  });

  it("keeps as many rows as a real server counted for each of its bars", () => {
    for (const { of, attribute, bins } of recordedSummary.histograms) {
      for (const { label, count } of bins) {
        const kept = recordedSearch.hits.filter((hit) => matchesBar(hit, { of, attribute, label }, recordedSummary));
        expect([of, attribute, label, kept.length]).toEqual([of, attribute, label, count]);
      }
    }
  });

  it("reads a missing annotation as none and a special token as special", () => {
    const hit = hits[0];
    expect(labelOf(hit, "subject", "entity", mode)).toBe("none");
    expect(labelOf({ ...hit, match: 0 }, "subject", "pos", mode)).toBe("special");
  });

  it("does not count a hit without a next token where next ones are counted", () => {
    expect(labelOf({ ...hits[0], next: null }, "subject", "pos", { ...mode, subject: "next" })).toBe(null);
  });

  it("takes offsets as numbers", () => {
    expect(sameLabel("offset", "+1", "1")).toBe(true);
    expect(sameLabel("offset", "-1", "1")).toBe(false);
    expect(sameLabel("pos", "NOUN", "NOUN")).toBe(true);
  });
});

describe("tables", () => {
  it("have a row for each hit, with line and column counted from one", () => {
    const { header, rows } = hitsTable(hits);
    expect(rows.length).toBe(hits.length);
    expect(rows[0][header.indexOf("line")]).toBe(hits[0].range.start.line + 1);
    expect(rows[0][header.indexOf("match")]).toBe(hits[0].tokens[hits[0].match].text);
  });

  it("have a row for each bar", () => {
    const summary = summarize(result, "outgoing");
    expect(summaryTable(summary).rows.length).toBe(summary.histograms.reduce((n, one) => n + one.bins.length, 0));
  });

  it("have a row for each token, with its annotation and what was expected there", () => {
    const tokens = tokenize({ ...MINI, hasLmHead: true }, "The girl ran.", null, [2]);
    const { header, rows } = tokensTable(tokens);
    expect(rows.length).toBe(tokens.length);
    const girl = Object.fromEntries(header.map((name, i) => [name, rows[2][i]]));
    expect(girl).toMatchObject({ index: 2, text: "girl", isMasked: true, pos: "NOUN" });
    expect(String(girl.predictions).split(" | ").length).toBe(tokens[2].predictions?.length);
  });

  it("are written as CSV with quotes where needed and without formulas", () => {
    expect(
      toCsv({
        header: ["a", "b"],
        rows: [
          ['say "x", y', "=1+1"],
          [-1, null],
        ],
      }),
    ).toBe('a,b\r\n"say ""x"", y",\'=1+1\r\n-1,\r\n');
  });
});
