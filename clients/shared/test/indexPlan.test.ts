import { describe, expect, it } from "vitest";
import { countLines, fieldsToAsk, fileCount, skippedLines } from "../src/indexPlan";

const preview = {
  formats: [
    { format: "text", files: 1200, bytes: 2_500_000, fields: [] },
    { format: "csv", files: 1, bytes: 900, fields: ["id", "stars", "Review"] },
    { format: "jsonl", files: 1, bytes: 3e9, fields: ["id", "text"] },
  ],
  skipped: [{ uri: "file:///home/me/a%20b.pdf", reason: "is a PDF" }],
};

describe("what will be indexed", () => {
  it("is counted by format", () => {
    expect(countLines(preview)).toEqual([
      "1,200 files of text (2.5 MB)",
      "1 file of csv (0.9 KB)",
      "1 file of jsonl (3.0 GB)",
    ]);
    expect(fileCount(preview)).toBe(1202);
  });

  it("asks for the field of records, likely ones first, each once", () =>
    expect(fieldsToAsk(preview)).toEqual(["text", "Review", "id", "stars"]));

  it("asks nothing where files are texts", () =>
    expect(fieldsToAsk({ ...preview, formats: preview.formats.slice(0, 1) })).toEqual([]));

  it("names what is left out by its path", () =>
    expect(skippedLines([...preview.skipped, { uri: "x%", reason: "odd" }])).toEqual([
      "/home/me/a b.pdf: is a PDF",
      "x%: odd",
    ]));
});
