import { describe, expect, it } from "vitest";
import { describeModel, layerValues, MINI, tokenize } from "../../dev/synthetic";
import { search, summarize } from "../../dev/syntheticCorpus";
import { inkOf } from "../../src/draw/ink";
import { modeOf } from "../../src/logic/palette";
import { groupLabel } from "../../src/logic/units";
import { attentionSvg } from "../../src/panes/attention/draw/attentionSvg";
import { countHidden, MOST_CURVES, style, visibleEdges } from "../../src/panes/attention/draw/curves";
import { headAt, layoutAttention } from "../../src/panes/attention/draw/layout";
import { thumbnailPixels } from "../../src/panes/attention/draw/overview";
import { headPaths, overviewSvg } from "../../src/panes/attention/draw/overviewSvg";
import { keepAll, topEdges } from "../../src/panes/attention/logic/attention";
import { type PictureInput, pictureMaker } from "../../src/panes/attention/logic/picture";
import { pooledShape, poolHeads } from "../../src/panes/attention/logic/thumbnails";
import { histogramsSvg } from "../../src/panes/summary/draw/histogramSvg";

const tokens = tokenize(MINI, "The girl ran to escape her surroundings.", "She was late.", []);
const n = tokens.length;
const layer = { heads: [0, 1, 2, 3], nQueries: n, nKeys: n, values: layerValues(2, 4, n, n, false) };
const base: PictureInput = {
  layer,
  left: tokens,
  right: tokens,
  words: false,
  hideSpecial: true,
  hideFirst: false,
  segments: "all",
  heads: null,
  combine: "mean",
  topPercent: 60,
  inspected: null,
};

function drawing(change: Partial<PictureInput>, theme: "light" | "dark" | "highContrast" = "light") {
  const input = { ...base, ...change };
  const picture = pictureMaker()(input);
  const leftLabels = picture.leftGroups.map((group) => groupLabel(tokens, group));
  const rightLabels = picture.rightGroups.map((group) => groupLabel(tokens, group));
  return attentionSvg({
    picture,
    leftLabels,
    rightLabels,
    layout: layoutAttention(640, 4, 11),
    title: "seeded & drawn",
    ink: inkOf(theme),
    mode: modeOf(theme),
  });
}

describe("the attention picture", () => {
  it.each([
    ["all-heads", {}, "light"],
    ["one-head-focused", { heads: [2], inspected: { side: "left", token: 4 } }, "light"],
    ["words-sum-dark", { words: true, combine: "sum" }, "dark"],
    ["first-to-second-segment", { segments: "AB", topPercent: 90 }, "highContrast"],
    ["no-heads", { heads: [] }, "light"],
  ] as const)("is drawn as committed: %s", async (name, change, theme) => {
    await expect(drawing(change, theme)).toMatchFileSnapshot(`../snapshots/attention-${name}.svg`);
  });

  it("has a curve for each edge of the top X %", () => {
    const picture = pictureMaker()(base);
    expect(drawing({}).match(/<path /g)?.length).toBe(picture.edges.count);
  });

  it("computes again only what a choice changes", () => {
    const make = pictureMaker();
    const first = make(base);
    const second = make({ ...base, topPercent: 20 });
    expect(second.matrix).toBe(first.matrix);
    expect(second.leftMatrix).toBe(first.leftMatrix);
    expect(second.edges).not.toBe(first.edges);
  });

  it.each([260, 380, 420, 560, 900, 1600])("fits a width of %i with every part beside the next", (width) => {
    for (const nHeads of [1, 12, 32]) {
      const layout = layoutAttention(width, nHeads, 20);
      const edges = [
        0,
        layout.leftMatrix,
        layout.leftTokens,
        layout.leftTokens + layout.tokenWidth,
        layout.curvesLeft,
        layout.curvesRight,
        layout.rightTokens,
        layout.rightTokens + layout.tokenWidth,
        layout.rightMatrix,
      ];
      edges.slice(1).forEach((x, i) => expect(x).toBeGreaterThanOrEqual(edges[i]));
      if (width >= 380) expect(layout.rightMatrix + nHeads * layout.cell).toBeLessThanOrEqual(width);
    }
  });

  it("knows which head is under the pointer", () => {
    const layout = layoutAttention(640, 4, 11);
    expect(headAt(layout, layout.leftMatrix + 2.5 * layout.cell)).toEqual({ side: "left", head: 2 });
    expect(headAt(layout, layout.rightMatrix + 0.5)).toEqual({ side: "right", head: 0 });
    expect(headAt(layout, layout.curvesLeft + 5)).toBe(null);
  });
});

describe("curves in sight", () => {
  const size = 200;
  const values = layerValues(1, 1, size, size, false);
  const edges = topEdges(values, size, size, 95);

  it("are those with an end in the window, the strongest of them, weakest drawn first", () => {
    const shown = visibleEdges(edges, { first: 10, last: 40 }, null);
    const touching = Array.from({ length: edges.count }, (_, i) => i).filter(
      (i) => (edges.source[i] >= 10 && edges.source[i] < 40) || (edges.target[i] >= 10 && edges.target[i] < 40),
    );
    expect(shown.length).toBe(MOST_CURVES);
    expect(countHidden(edges, { first: 10, last: 40 })).toBe(touching.length - MOST_CURVES);
    expect(countHidden(edges, { first: 10, last: 12 })).toBe(0);
    const strongest = touching
      .map((i) => edges.weight[i])
      .sort((a, b) => b - a)
      .slice(0, shown.length);
    expect(shown.map((i) => edges.weight[i]).reverse()).toEqual(strongest);
  });
});

describe("the thickness of a curve", () => {
  const weights = Array.from({ length: 101 }, (_, i) => i / 100);

  it("grows with its weight, and the strongest is as broad in a crowd as alone", () => {
    for (const weight of weights) expect(style(weight, null).width).toBeCloseTo(0.6 + 4.2 * weight ** 0.8);
    for (const thin of [1, 0.6, 0.27]) {
      const widths = weights.map((weight) => style(weight, null, thin).width);
      expect(widths).toEqual([...widths].sort((a, b) => a - b));
      expect(widths.at(-1)).toBeCloseTo(4.8);
    }
  });

  it("in a crowd is at most a pixel, but for the strongest and for those of the token looked at", () => {
    const widths = weights.map((weight) => style(weight, null, 400 / MOST_CURVES).width);
    expect(widths.filter((width) => width > 1 && width < 1.5)).toEqual([]);
    expect(widths[50]).toBeLessThanOrEqual(1);
    expect(style(0.5, true, 400 / MOST_CURVES).width).toBeCloseTo(style(0.5, null).width);
  });
});

describe("the histograms", () => {
  it("are drawn as committed", async () => {
    const summary = summarize(search({ corpus: "brown", k: 30 }, describeModel(MINI), "s"), "outgoing", []);
    const shown = summary.histograms.filter((one) => one.attribute === "pos" || one.attribute === "offset");
    await expect(histogramsSvg(shown, "Contexts like “escape”", inkOf("light"))).toMatchFileSnapshot(
      "../snapshots/histograms.svg",
    );
  });
});

describe("thumbnails", () => {
  it("keep the strongest weight of each cell", () => {
    const size = 50;
    const one = { heads: [0], nQueries: size, nKeys: size, values: layerValues(3, 1, size, size, false) };
    const { rows, columns } = pooledShape(one, 8);
    const pooled = poolHeads(one, 8, keepAll(size, size));
    const expected = new Float32Array(rows * columns);
    for (let q = 0; q < size; q++) {
      for (let k = 0; k < size; k++) {
        const cell = Math.floor((q * rows) / size) * columns + Math.floor((k * columns) / size);
        expected[cell] = Math.max(expected[cell], one.values[q * size + k]);
      }
    }
    expect([...pooled]).toEqual([...expected]);
  });

  it("are opaque where the weight is 1 and clear where it is 0", () => {
    const thumbnails = {
      heads: [0],
      rows: 1,
      columns: 2,
      all: Float32Array.from([1, 0]),
      plain: Float32Array.from([0, 0]),
    };
    expect([...thumbnailPixels(thumbnails, 0, false, "#102030")]).toEqual([16, 32, 48, 255, 16, 32, 48, 0]);
  });

  it("are drawn as committed when they are saved, layers as rows and heads as columns", async () => {
    const size = 9;
    const thumbnails = [1, 2].map((at) => {
      const one = { heads: [0, 1, 2], nQueries: size, nKeys: size, values: layerValues(at, 3, size, size, false) };
      const pooled = poolHeads(one, 40, keepAll(size, size));
      return { heads: one.heads, ...pooledShape(one, 40), all: pooled, plain: pooled };
    });
    const svg = overviewSvg({
      thumbnails: [...thumbnails, null],
      nHeads: 3,
      hideSpecial: false,
      title: "seeded & drawn",
      ink: inkOf("light"),
      mode: "light",
    });
    await expect(svg).toMatchFileSnapshot("../snapshots/heads.svg");
  });

  it("are saved with every cell that is not near 0, in ten steps of opacity", () => {
    const thumbnails = {
      heads: [0],
      rows: 2,
      columns: 2,
      all: Float32Array.from([1, 0.25, 0.001, 0]),
      plain: new Float32Array(4),
    };
    const paths = headPaths(thumbnails, 0, false);
    expect(paths[10]).toBe("M0 0h1v1h-1z");
    expect(paths[5]).toBe("M1 0h1v1h-1z");
    expect(paths.filter((path) => path !== "").length).toBe(2);
    expect(headPaths(thumbnails, 0, true).join("")).toBe("");
  });
});
