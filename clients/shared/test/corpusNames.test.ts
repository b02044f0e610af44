import { describe, expect, it } from "vitest";
import { nameApart } from "../src/corpusNames";

const corpora = [
  { corpus: "notes", model: "all-MiniLM-L6-v2" },
  { corpus: "notes-bert", model: "/models/other/bert" },
];

describe("the name of a corpus", () => {
  it("is its folder's where no corpus has it", () =>
    expect(nameApart("talks", "all-MiniLM-L6-v2", corpora)).toBe("talks"));

  it("stays when the corpus is of the same model, so that it is brought up to date", () =>
    expect(nameApart("notes", "all-MiniLM-L6-v2", corpora)).toBe("notes"));

  it("carries the model where another model has it", () =>
    expect(nameApart("notes", "HuggingFaceTB/SmolLM2-135M", corpora)).toBe("notes-smollm2-135m"));

  it("is numbered where two models have one name, and found again", () => {
    const name = nameApart("notes", "/models/bert", corpora);
    expect(name).toBe("notes-bert-2");
    expect(nameApart("notes", "/models/bert", [...corpora, { corpus: name, model: "/models/bert" }])).toBe(name);
  });

  it("does not grow with each change of the model", () =>
    expect(nameApart("notes-bert", "/models/bert", corpora)).toBe("notes-bert-2"));

  it("is one that every file system takes", () =>
    expect(nameApart("x".repeat(60), `org/${"Ü y".repeat(40)}`, [{ corpus: "x".repeat(60), model: "a" }])).toMatch(
      /^[a-z0-9._-]{1,60}$/,
    ));
});
