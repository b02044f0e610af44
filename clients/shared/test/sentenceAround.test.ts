import { describe, expect, it } from "vitest";
import { sentenceAround, trimSpan } from "../src/sentenceAround";

const around = (text: string, mark: string): string => {
  const { start, end } = sentenceAround(text, text.indexOf(mark));
  return text.slice(start, end);
};

describe("the sentence around the cursor", () => {
  const prose = "First things first. The girl ran to a local pub.\n\nA new paragraph here! And its end.";

  it("ends at its full stop", () => {
    expect(around(prose, "girl")).toBe("The girl ran to a local pub.");
    expect(around(prose, "things")).toBe("First things first.");
  });

  it("does not cross a blank line", () => {
    expect(around(prose, "new")).toBe("A new paragraph here!");
    expect(around("one\n \t\ntwo", "two")).toBe("two");
  });

  it("goes on over the line breaks of hard-wrapped prose", () => {
    expect(around("A sentence that is\nwrapped. Another.", "wrapped")).toBe("A sentence that is\nwrapped.");
    expect(around("A sentence that is\r\nwrapped. Another.", "sentence")).toBe("A sentence that is\r\nwrapped.");
  });

  it("stops at headings and list items", () => {
    const markdown = "# Title\nText below it\n- one item\n- another item\n1. first";
    expect(around(markdown, "Title")).toBe("# Title");
    expect(around(markdown, "below")).toBe("Text below it");
    expect(around(markdown, "one")).toBe("- one item");
    expect(around(markdown, "first")).toBe("1. first");
  });

  it("is the last one when the cursor stands at the end of the text", () => {
    expect(sentenceAround("One. Two.", 9)).toEqual({ start: 5, end: 9 });
  });

  it("is empty in an empty text and between paragraphs", () => {
    expect(sentenceAround("", 0)).toEqual({ start: 0, end: 0 });
    const gap = sentenceAround("a\n\n\nb", 2);
    expect(gap.start).toBe(gap.end);
  });

  it("counts in UTF-16 units", () => {
    expect(around("😀😀 smile. Next one.", "Next")).toBe("Next one.");
  });
});

describe("trimming", () => {
  it("takes white space off both ends", () => {
    expect(trimSpan("  ab \n", { start: 0, end: 6 })).toEqual({ start: 2, end: 4 });
  });

  it("leaves nothing of nothing", () => {
    expect(trimSpan(" \n ", { start: 1, end: 3 })).toEqual({ start: 1, end: 1 });
  });
});
