import { describe, expect, it } from "vitest";
import { PANES } from "../../src/panes";
import { composeState, type ViewState } from "../../src/state";
import { CHOICES_0_1_0, DEFAULTS_0_1_0, LINK_0_1_0 } from "./link";

const { initial: INITIAL, encode: encodeViewState, parse: parseViewState, read: readViewState } = composeState(PANES);

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

  it.each(["", "hello there", "{not json", "{}", '{"version":2}', "exbert:AAAAAAAAAA"])(
    "is not read from “%s”",
    (text) => {
      expect(parseViewState(text)).toBe(null);
    },
  );

  it("of version 0.1.0 is read from its link, field by field", () => {
    expect(parseViewState(`exbert:${LINK_0_1_0}`)).toMatchObject(CHOICES_0_1_0);
  });

  it("is understood by version 0.1.0: the same fields, and the same defaults of fields that a link leaves out", () => {
    expect(
      JSON.parse(Buffer.from(encodeViewState(CHOICES_0_1_0 as unknown as ViewState), "base64url").toString()),
    ).toEqual(CHOICES_0_1_0);
    expect(INITIAL).toMatchObject(DEFAULTS_0_1_0);
  });
});
