import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { random } from "../../dev/random";
import { Controller } from "../../src/control/controller";
import { isMarkdown, readable } from "../../src/control/markdown";
import { proseOf, sourceRange } from "../../src/logic/prose";
import { PANES } from "../../src/panes";
import { attention } from "../../src/panes/attention";
import type { AttendParams } from "../../src/protocol";
import { until } from "./wait";

/** The source that the characters of `part` stand for. */
function sourceOf(markdown: string, part: string): string | null {
  const prose = proseOf(markdown);
  const start = prose.text.indexOf(part);
  expect(start).toBeGreaterThanOrEqual(0);
  const range = sourceRange(prose, start, start + part.length);
  return range === null ? null : markdown.slice(range.start, range.end);
}

describe("Markdown read as prose", () => {
  it("is what a person reads: no markup, targets, images or HTML", () => {
    const markdown =
      '# The *girl*\n\nShe ran to a [local pub](https://example.org "Pub") to **escape** the `din`.\n\n' +
      "![a picture](x.png)\n\n- one <b>item</b>\n- another\n\n> quoted\n> text\n";
    expect(proseOf(markdown).text).toBe(
      "The girl\nShe ran to a local pub to escape the din.\none item\nanother\nquoted\ntext",
    );
  });

  it("knows where each word stands in the source", () => {
    const markdown = "She **ran** to a [local pub](https://e.org) to _escape_ it \\*all\\* &amp; more.";
    for (const word of ["She", "ran", "local pub", "escape", "all", "more."])
      expect(sourceOf(markdown, word)).toBe(word);
    expect(sourceOf(markdown, "&")).toBe("&amp;");
    expect(sourceOf(markdown, "ran to")).toBe("ran** to");
    expect(sourceOf(markdown, "*all")).toBe("*all");
  });

  it("keeps the places of text behind emoji, entities and quotes", () => {
    const markdown = "> 👩 &#128512; **naïve** caf\u00e9\n> and *more* text\n";
    for (const word of ["naïve", "café", "and", "more", "text"]) expect(sourceOf(markdown, word)).toBe(word);
    expect(sourceOf(markdown, "😀")).toBe("&#128512;");
  });

  it("leaves plain text as it is", () => {
    const text = "The girl ran to a local pub. It's 5 o'clock; she's late (again).";
    const prose = proseOf(text);
    expect(prose.text).toBe(text);
    expect(sourceRange(prose, 4, 8)).toEqual({ start: 4, end: 8 });
  });

  it("gives every letter of generated documents a place with the same letter", () => {
    const next = random(5);
    const wraps = [
      ["", ""],
      ["**", "**"],
      ["*", "*"],
      ["`", "`"],
      ["[", "](u)"],
      ["\\#", ""],
    ] as const;
    for (let round = 0; round < 60; round++) {
      let markdown = next() < 0.3 ? "## " : next() < 0.3 ? "1. " : "";
      for (let i = 0; i < 30; i++) {
        const [open, close] = wraps[Math.floor(next() * wraps.length)];
        const word = Array.from({ length: 1 + Math.floor(6 * next()) }, () => "abcdefgh"[Math.floor(8 * next())]).join(
          "",
        );
        markdown += `${open}${word}${close}${next() < 0.1 ? "\n\n" : next() < 0.1 ? "\n" : " "}`;
      }
      const prose = proseOf(markdown);
      let last = -1;
      for (let i = 0; i < prose.text.length; i++) {
        if (!/[a-h]/.test(prose.text[i])) continue;
        const range = sourceRange(prose, i, i + 1);
        expect(range === null ? null : markdown.slice(range.start, range.end)).toBe(prose.text[i]);
        expect(range?.start).toBeGreaterThan(last);
        last = range?.start ?? last;
      }
    }
  });
});

describe("a selection in Markdown", () => {
  const MARKDOWN = "She **ran** to a [pub](https://e.org) to *escape*.";
  const PROSE = "She ran to a pub to escape.";
  const running: Controller[] = [];

  function start(options: FixtureOptions = {}) {
    const host = new FixtureHost({ corpora: [], ...options });
    const controller = new Controller(host, PANES);
    running.push(controller);
    controller.start();
    const asked = () =>
      host.log.filter(({ what }) => what === "attend").map(({ value }) => (value as AttendParams).text);
    return { host, controller, state: () => controller.store.get(), asked };
  }

  afterEach(() => {
    for (const controller of running.splice(0)) controller.dispose();
  });

  it("is read as prose, as it is written at a switch, and back", async () => {
    const { host, controller, state } = start();
    host.selections.fire({ input: { text: MARKDOWN }, label: "notes.md:12" });
    await until(state, (s) => s.capture?.text === PROSE);
    expect(state().view).toMatchObject({ input: { text: PROSE }, source: MARKDOWN, asProse: true });
    controller.setProse(false);
    await until(state, (s) => s.capture?.text === MARKDOWN);
    host.selections.fire({ input: { text: `${MARKDOWN} Again.` }, label: "notes.md:13" });
    await until(state, (s) => s.capture?.text === `${MARKDOWN} Again.`);
    controller.setProse(true);
    await until(state, (s) => s.capture?.text === `${PROSE} Again.`);
  });

  it("keeps the places of its tokens in exports", async () => {
    const { host, controller, state } = start();
    host.selections.fire({ input: { text: MARKDOWN }, label: "notes.md:12" });
    await until(state, (s) => s.capture?.text === PROSE && s.layer !== null);
    const action = attention.actions?.(controller, state()).find(({ text }) => text === "Save tokens as CSV");
    action?.run();
    const saved = await until(
      () => host.log.find(({ what }) => what === "save")?.value as { data: string } | undefined,
      (one) => one !== undefined,
    );
    const [header, ...rows] = (saved?.data ?? "").trim().split(/\r?\n/);
    expect(header.endsWith("sourceStart,sourceEnd")).toBe(true);
    const places =
      rows
        .find((row) => row.includes("escape"))
        ?.split(",")
        .slice(-2)
        .map(Number) ?? [];
    expect(MARKDOWN.slice(places[0], places[1])).toBe("escape");
  });

  it("is recognized by its document, its label or its host, and plain text is left alone", () => {
    const range = { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } };
    const inDocument = (uri: string) => ({ input: { textDocument: { uri }, range }, label: "" });
    expect(isMarkdown(inDocument("file:///a/README.MD"))).toBe(true);
    expect(isMarkdown(inDocument("file:///a/notes.txt"))).toBe(false);
    expect(isMarkdown({ input: { text: "" }, label: "notes.md:1–9" })).toBe(true);
    expect(isMarkdown({ input: { text: "" }, label: "typed here" })).toBe(false);
    expect(isMarkdown({ input: { text: "" }, label: "cell 4", isMarkdown: true })).toBe(true);
    const plain = { input: { text: "She ran." }, label: "notes.md:1" };
    expect(readable(plain, true)).toEqual({ input: plain.input, source: null });
    const pair = { input: { text: "*a*", textPair: "*b*" }, label: "notes.md:1" };
    expect(readable(pair, true)).toEqual({ input: pair.input, source: null });
    const code = { input: { text: "2 * 3 * 4" }, label: "notes.py:1" };
    expect(readable(code, true)).toEqual({ input: code.input, source: null });
  });

  it("in an open document is read as prose once the server has said what stands there", async () => {
    const { host, state, asked } = start({ documents: { "file:///notes.md": MARKDOWN } });
    const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 50 } };
    host.selections.fire({ input: { textDocument: { uri: "file:///notes.md" }, range }, label: "notes.md:1" });
    await until(state, (s) => s.capture?.text === PROSE);
    expect(state().view.source).toBe(MARKDOWN);
    expect(asked()).toContain(PROSE);
  });
});
