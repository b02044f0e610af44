import { describe, expect, it } from "vitest";
import { encodeViewState, INITIAL, parseViewState, readViewState, type ViewState } from "../../src/state";

const CHOSEN: ViewState = {
  ...INITIAL,
  input: { text: "Das Mädchen 😀 lief.", textPair: "“so”" },
  label: "notes.md:12",
  corpus: "brown",
  layer: 2,
  heads: [11],
  pinned: { side: "left", token: 9 },
  mask: [3, 4],
  space: "hiddenState",
  filter: { ...INITIAL.filter, pos: "VERB, AUX" },
  bar: { of: "maxAttention", attribute: "offset", label: "-1" },
  pane: "summary",
};

describe("a view state", () => {
  it.each([
    ["link", (view: ViewState) => `exbert:${encodeViewState(view)}`],
    ["editor's link", (view: ViewState) => `vscode://exbert.exbert/open?state=${encodeViewState(view)}`],
    ["fragment", (view: ViewState) => `http://localhost/lab#exbert=${encodeViewState(view)}`],
    ["JSON", (view: ViewState) => JSON.stringify(view, null, 2)],
  ])("comes back whole from a %s", (_, write) => {
    expect(parseViewState(`  ${write(CHOSEN)}\n`)).toEqual(CHOSEN);
    expect(parseViewState(write(INITIAL))).toEqual(INITIAL);
  });

  it("keeps the defaults of fields that are missing or make no sense", () => {
    const read = readViewState({ version: 1, layer: -1, heads: ["x"], topPercent: 140, k: 20, unknown: true });
    expect(read).toEqual({ ...INITIAL, k: 20 });
  });

  it.each(["", "hello there", "{not json", "{}", '{"version":2}', "exbert:AAAAAAAAAA"])("is not read from “%s”", (text) => {
    expect(parseViewState(text)).toBe(null);
  });
});
