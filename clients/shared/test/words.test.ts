import { describe, expect, it } from "vitest";
import { buildSummary } from "../src/buildSummary";
import { Emitter } from "../src/emitter";
import { versionMismatch } from "../src/protocolVersion";
import { sentence, withHint } from "../src/sentences";

describe("protocol versions", () => {
  it("agree when the major numbers do", () => {
    expect(versionMismatch("1.0", "1.7")).toBeUndefined();
  });

  it("name the side to update", () => {
    expect(versionMismatch("2.0", "1.3")).toContain("Update the Python package");
    expect(versionMismatch("1.0", "2.0")).toContain("Update this extension");
  });

  it("must be there and readable", () => {
    expect(versionMismatch("1.0", undefined)).toContain("does not report");
    expect(versionMismatch("1.0", "new")).toContain("not a protocol version");
  });
});

describe("sentences", () => {
  it("begin with a capital and end with a full stop, once", () => {
    expect(["it ended", "It ended.", "Why?", "Starting…"].map(sentence)).toEqual([
      "It ended.",
      "It ended.",
      "Why?",
      "Starting…",
    ]);
  });

  it("are separated by a full stop from the hint that follows", () => {
    expect(withHint("exbert-rpc is too old", "Update it.")).toBe("exbert-rpc is too old. Update it.");
    expect(withHint("No corpus x.", "Index one.")).toBe("No corpus x. Index one.");
    expect([withHint("odd", undefined), withHint("odd", "")]).toEqual(["odd", "odd"]);
  });
});

describe("a build in words", () => {
  const result = { corpus: "c", documents: 3, sentences: 40, tokens: 12900, seconds: 1.26, unchanged: 0, skipped: [] };

  it("counts", () => {
    expect(buildSummary(result)).toBe("Corpus “c”: 3 documents, 40 sentences, 12,900 tokens in 1.3 s.");
    expect(buildSummary({ ...result, documents: 1 })).toContain("1 document,");
  });

  it("names what was unchanged, and why something was skipped", () => {
    const summary = buildSummary({
      ...result,
      unchanged: 2000,
      skipped: [{ reason: "binary" }, { reason: "too large" }],
    });
    expect(summary).toMatch(/; 2,000 unchanged; 2 skipped \(binary\)\.$/);
  });
});

describe("an emitter", () => {
  it("fires to its listeners until they are disposed of, also when one of them goes while it fires", () => {
    const emitter = new Emitter<number>();
    const seen: string[] = [];
    const first = emitter.on((n) => {
      seen.push(`a${n}`);
      first.dispose();
    });
    emitter.on((n) => seen.push(`b${n}`));
    emitter.fire(1);
    emitter.fire(2);
    emitter.clear();
    emitter.fire(3);
    expect(seen).toEqual(["a1", "b1", "b2"]);
  });
});
