// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { describeModel, layerValues, MINI, tokenize } from "../../dev/synthetic";
import { hit, search } from "../../dev/syntheticCorpus";
import { inkOf } from "../../src/draw/ink";
import { contrast, rgb } from "../../src/logic/palette";
import { eachTokenAlone } from "../../src/logic/units";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { leastAlphaOf, style } from "../../src/panes/attention/draw/curves";
import { asideOf, headPeaks } from "../../src/panes/attention/logic/aside";
import { emptinessOf } from "../../src/panes/attention/logic/emptiness";
import { masksFor } from "../../src/panes/attention/logic/masks";
import { droppedPieces, isUnknown, unknownNote } from "../../src/panes/attention/logic/unknown";
import { countAll, countOwn, ownHits, shownHits } from "../../src/panes/corpus/hits";
import { MOST_SHADE } from "../../src/panes/corpus/ui/HitRow";
import type { AttendParams } from "../../src/protocol";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape her surroundings.";
const views: MountedView[] = [];

function mounted(view: object = {}, options: FixtureOptions = {}) {
  const state = { version: 1, input: { text: TEXT }, ...view };
  const host = new FixtureHost({ state, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = <P,>(what: string) => host.log.filter((one) => one.what === what).map((one) => one.value as P);
  return { host, element, controller, state: () => controller.store.get(), asked };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("weights by value norm", () => {
  it("are asked for when they are chosen, for every layer, and kept apart from attention", async () => {
    const { controller, state, asked } = mounted();
    await until(state, (s) => s.layer !== null && !s.thumbnails.includes(null));
    const plain = state().layer;
    expect(asked<AttendParams>("attend").some((one) => "weights" in one)).toBe(false);
    controller.update({ attentionWeights: "valueNorm" });
    await until(
      state,
      (s) => s.weightsShown === "valueNorm" && s.thumbnails.length > 0 && !s.thumbnails.includes(null),
    );
    const asks = asked<AttendParams>("attend").filter(({ weights }) => weights === "valueNorm");
    expect(asks.flatMap(({ layers }) => layers).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(state().layer?.values).not.toEqual(plain?.values);
    const rows = state().layer?.values ?? new Float32Array();
    const n = state().layer?.nKeys ?? 0;
    expect(rows.subarray(0, n).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    controller.update({ attentionWeights: "attention" });
    expect(state().layer).toBe(plain);
  });

  it("go back to attention, and say why, where a model has none", async () => {
    const { host, controller, state } = mounted();
    await until(state, (s) => s.layer !== null && !s.thumbnails.includes(null));
    host.errors.attend = { code: -33002, message: "value norms of this family are not known" };
    controller.update({ attentionWeights: "valueNorm" });
    await until(state, (s) => s.fallbacks.length === 1);
    expect(state().fallbacks[0]).toContain("value norms of this family are not known");
    expect(state().view.attentionWeights).toBe("attention");
    expect(state().layer).not.toBe(null);
  });
});

describe("where the attention went", () => {
  const tokens = tokenize(MINI, TEXT, null, []);
  const n = tokens.length;
  const layer = { heads: [0, 1, 2], nQueries: n, nKeys: n, values: layerValues(2, 3, n, n, false) };
  const groups = eachTokenAlone(n);

  it("is the share of special tokens, whatever is hidden, mean over the chosen heads", () => {
    const { name, shares } = asideOf(layer, [0, 2], groups, tokens);
    expect(name).toBe("special tokens");
    for (let q = 0; q < n; q++) {
      let expected = 0;
      for (const head of [0, 2]) for (const k of [0, n - 1]) expected += layer.values[(head * n + q) * n + k] / 2;
      expect(shares[q]).toBeCloseTo(expected, 6);
    }
    expect([...asideOf(layer, [], groups, tokens).shares]).toEqual(Array(n).fill(0));
  });

  it("is the share of the first token in a model without special tokens", () => {
    const plain = tokens.map((token) => ({ ...token, isSpecial: false }));
    const { name, shares } = asideOf(layer, [1], groups, plain);
    expect(name).toBe("first token");
    expect(shares[3]).toBeCloseTo(layer.values[(n + 3) * n], 6);
  });

  it("is named for each head: its strongest target that is not hidden", () => {
    const keep = Uint8Array.from(tokens, ({ isSpecial }) => (isSpecial ? 0 : 1));
    const peaks = headPeaks(layer, 4, keep, 2);
    expect(peaks.length).toBe(2);
    expect(peaks[0].weight).toBeGreaterThanOrEqual(peaks[1].weight);
    for (const { head, column, weight } of peaks) {
      const row = Array.from(layer.values.subarray((head * n + 4) * n, (head * n + 5) * n), (v, k) =>
        keep[k] ? v : 0,
      );
      expect(weight).toBe(Math.max(...row));
      expect(row[column]).toBe(weight);
    }
  });

  it("leaves out the first token on both sides where that is chosen", () => {
    const masks = masksFor(tokens, groups, tokens, groups, { hideSpecial: false, hideFirst: true, segments: "all" });
    expect([masks.rows[0], masks.columns[0], masks.rows[1]]).toEqual([0, 0, 1]);
  });
});

describe("a picture without a curve", () => {
  const base = { topPercent: 70, segments: "all", hideSpecial: true, hideFirst: false } as const;
  const edges = { maxWeight: 0 } as Parameters<typeof emptinessOf>[0]["edges"];

  it.each([
    [[], base, "No head is selected", { heads: null }],
    [[0], { ...base, topPercent: 0 }, "top 0 %", { topPercent: 70 }],
    [[0], { ...base, segments: "AB" as const }, "between these segments", { segments: "all" }],
    [[0], base, "special tokens", { hideSpecial: false, hideFirst: false }],
    [
      [0],
      { ...base, hideSpecial: false, hideFirst: true },
      "the first token",
      { hideSpecial: false, hideFirst: false },
    ],
  ])("of heads %j and choices %j names its cause and a way back", (chosen, view, cause, change) => {
    const found = emptinessOf({ chosen, edges }, view);
    expect(found?.cause).toContain(cause);
    expect(found?.change).toEqual(change);
  });

  it("offers that way back as a button, which shows curves again", async () => {
    const { element, state } = mounted({ heads: [] });
    const button = await until(
      () => [...element.querySelectorAll("button")].find(({ textContent }) => textContent === "Select all heads"),
      (one) => one !== undefined,
    );
    button?.click();
    expect(state().view.heads).toBe(null);
    await until(
      () => element.querySelector(".picture-empty"),
      (one) => one === null,
    );
    expect(emptinessOf({ chosen: [0], edges: { ...edges, maxWeight: 0.4 } }, base)).toBe(null);
  });
});

describe("what the model cannot read", () => {
  const one = (token: string, text: string, start: number) => ({
    token,
    text,
    start,
    end: start + text.length,
    segment: 0,
    isSpecial: token.startsWith("[") && text === "",
    isMasked: false,
  });

  it("is a token outside of its vocabulary, but not a masked one", () => {
    expect(isUnknown({ token: "[UNK]", isMasked: false })).toBe(true);
    expect(isUnknown({ token: "<unk>", isMasked: false })).toBe(true);
    expect(isUnknown({ token: "[UNK]", isMasked: true })).toBe(false);
    expect(isUnknown({ token: "unk", isMasked: false })).toBe(false);
  });

  it("is a character that no token covers; spaces are not missed", () => {
    const tokens = [one("[CLS]", "", 0), one("a", "a", 1), one("b", "b", 5)];
    expect(droppedPieces(tokens, " a☃  b €!")).toEqual(["☃", "€!"]);
    expect(droppedPieces([one("a", "a", 0)], "a ")).toEqual([]);
    expect(droppedPieces([], "")).toEqual([]);
  });

  it("is named in one note", () => {
    const tokens = [one("[UNK]", "🦊", 0), one("runs", "runs", 3)];
    expect(unknownNote(tokens, "🦊 runs")).toContain("“🦊” is not in the model's vocabulary");
    expect(unknownNote([one("a", "a", 0)], "a ☃")).toContain("drops “☃”");
    expect(unknownNote([one("a", "a", 0)], "a")).toBe(null);
  });
});

describe("the sentence that was searched for", () => {
  const result = search({ corpus: "brown", k: 5 }, describeModel(MINI), "s");
  const { initial } = composeState(PANES);
  const text = `Before.  ${result.hits[2].sentence.text.replace(" ", "\n")} After.`;
  const state = {
    result,
    barMode: null,
    capture: { text } as Parameters<typeof shownHits>[0]["capture"],
    view: { ...initial, ownSentence: false },
  };

  it("is found in the text that was read, however it is broken into lines", () => {
    expect([...ownHits(result, text)]).toEqual([result.hits[2]]);
    expect(ownHits(result, text)).toBe(ownHits(result, text));
    const blank = { ...hit(1, 0.9, false), sentence: { index: 0, text: " " } };
    expect(ownHits({ ...result, hits: [blank] }, text).size).toBe(0);
    expect([countOwn(state), countAll(state)]).toEqual([1, 4]);
    expect(countAll({ ...state, view: { ...state.view, ownSentence: true } })).toBe(5);
  });

  it("is not listed, until that is asked for; the same choice gives the same list", () => {
    const shown = shownHits(state);
    expect(shown.map(({ rank }) => rank)).toEqual([1, 2, 4, 5]);
    expect(shownHits(state)).toBe(shown);
    expect(shownHits({ ...state, view: { ...state.view, ownSentence: true } })).toBe(result.hits);
  });
});

describe("contrast", () => {
  it("of text on the deepest shade is at least 4.5 in every theme", () => {
    for (const theme of ["light", "dark", "highContrast", "highContrastLight"] as const) {
      const { background, heat, text } = inkOf(theme);
      const mixed = rgb(background).map((channel, i) => Math.round(channel + MOST_SHADE * (heat[i] - channel)));
      const color = `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
      expect(contrast(color, text), theme).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("keeps the curves beside the inspected token in sight in high contrast, and there alone", () => {
    expect(style(0, false, 1, leastAlphaOf("highContrast")).alpha).toBe(0.3);
    expect(style(0, false, 1, leastAlphaOf("dark")).alpha).toBeLessThan(0.1);
  });
});
