// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { MINI, capture as makeCapture, passValues } from "../../dev/synthetic";
import { compareCaptures, distance } from "../../dev/syntheticCompare";
import { sequential } from "../../src/draw/headMap";
import { inkOf } from "../../src/draw/ink";
import { matrixSvg, matrixTable } from "../../src/draw/matrix";
import { contrast, inkOn } from "../../src/logic/palette";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { compareActions } from "../../src/panes/compare/actions";
import { differenceCurves, differenceSvg, layoutDifference } from "../../src/panes/compare/draw/differenceSvg";
import { predictionsSvg } from "../../src/panes/compare/draw/predictionsSvg";
import {
  differenceEdges,
  differenceSentences,
  divergenceCells,
  placeNames,
  turnMatrix,
} from "../../src/panes/compare/logic/differences";
import { obviousPartners, passName, shownHead } from "../../src/panes/compare/logic/passes";
import { divergenceTable, predictionsTable } from "../../src/panes/compare/tables";
import type { AttendParams, CompareCapturesParams } from "../../src/protocol";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape the din of her city.";
const LM = { ...MINI, hasLmHead: true };
const PASS = { input: { text: TEXT }, label: "", model: null, mask: [], without: [], withoutMode: "mean" } as const;
const views: MountedView[] = [];

function mounted(view: object = {}, options: FixtureOptions = {}) {
  const state = { version: 1, pane: "compare", input: { text: TEXT }, ...view };
  const host = new FixtureHost({ made: LM, state, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = <P,>(what: string) => host.log.filter((one) => one.what === what).map((one) => one.value as P);
  const button = (text: string) =>
    until(
      () => [...element.querySelectorAll<HTMLElement>("button")].find((one) => one.textContent?.trim() === text),
      (one) => one !== undefined,
    );
  return { host, element, controller, state: () => controller.store.get(), asked, button };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const before = makeCapture(LM, { text: TEXT }, "a");
const after = makeCapture(LM, { text: TEXT, mask: [9] }, "b");
const comparison = compareCaptures(before, after);
const names = placeNames(before.tokens, after.tokens);
const n = names.length;

describe("differences of one head", () => {
  const size = n * n;
  const [a, b] = [before, after].map((held) => passValues(held, 3).subarray(10 * size, 11 * size));
  const edges = differenceEdges(a, b, n);

  it("are the largest ones, largest first, each with both weights", () => {
    const all = Array.from(a, (value, i) => b[i] - value);
    const largest = Math.max(...all.map(Math.abs));
    expect(Math.abs(edges[0].difference)).toBe(largest);
    edges
      .slice(1)
      .forEach((edge, i) => expect(Math.abs(edge.difference)).toBeLessThanOrEqual(Math.abs(edges[i].difference)));
    for (const { source, target, before: x, after: y, difference } of edges) {
      expect(difference).toBe(all[source * n + target]);
      expect(y - x).toBe(difference);
    }
    const drawn = all.filter((one) => Math.abs(one) >= 0.005 && Math.abs(one) >= 0.05 * largest);
    expect(edges.length).toBe(Math.min(160, drawn.length));
  });

  it("leave nothing to draw where both are alike", () => {
    expect(differenceEdges(a, a, n)).toEqual([]);
  });

  it("are drawn as committed, less attention dashed", async () => {
    const svg = differenceSvg(edges, names, "seeded & drawn", "whole: more", inkOf("light"));
    expect(svg.match(/stroke-dasharray/g)?.length).toBe(edges.filter(({ difference }) => difference < 0).length);
    await expect(svg).toMatchFileSnapshot("../snapshots/difference-curves.svg");
  });

  it("run between the names, the thickest last", () => {
    for (const width of [260, 400, 620]) {
      const layout = layoutDifference(width, names);
      expect(layout.left).toBeLessThan(layout.right);
      const curves = differenceCurves(edges, layout);
      expect(curves.at(-1)?.width).toBeCloseTo(5);
      expect(curves.at(-1)?.edge).toBe(edges[0]);
    }
  });
});

describe("the maps of a comparison", () => {
  it("are colored from nothing to the largest distance", () => {
    const ink = inkOf("light");
    const cells = divergenceCells(comparison, ink);
    const most = Math.max(...comparison.heads.map(({ divergence }) => divergence));
    const at = comparison.heads.findIndex(({ divergence }) => divergence === most);
    expect(cells[at].color).toBe(sequential(1, ink));
    expect(cells[at].spoken).toBe(`distance ${most.toFixed(2)}`);
    for (const { lines, spoken } of cells) expect(spoken).toContain(lines.join(" "));
  });

  it("of two equal passes have no color at all", () => {
    const ink = inkOf("light");
    const same = compareCaptures(before, before);
    expect(new Set(divergenceCells(same, ink).map(({ color }) => color))).toEqual(new Set([sequential(0, ink)]));
    expect(differenceSentences(same, names)).toEqual(["No head's attention differs by more than rounding."]);
    const cells = turnMatrix(same, names, ink).cells.flat();
    expect(new Set(cells.map(({ color }) => color))).toEqual(new Set([sequential(0, ink)]));
  });

  it("show where the hidden states turn, and can be read on their colors in every theme", () => {
    for (const theme of ["light", "dark", "highContrast", "highContrastLight"] as const) {
      const data = turnMatrix(comparison, names, inkOf(theme));
      expect(data.cells.length).toBe(LM.nLayers + 1);
      expect(data.cells[0][9].spoken).toBe("cosine 0.600");
      for (const { color } of data.cells.flat())
        if (color !== null) expect(contrast(color, inkOn(color))).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("has a row for each prediction that changes, with bars as long as the probabilities", async () => {
    const svg = predictionsSvg(comparison.predictions, names, "seeded & drawn", inkOf("light"));
    const bars = [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="3"/g)].map(([, width]) => Number(width));
    const said = comparison.predictions.flatMap((one) => [one.before.probability, one.after.probability]);
    expect(bars.length).toBe(said.length);
    expect(bars.length).toBeGreaterThan(0);
    const scale = Math.max(...bars) / Math.max(...said);
    said.forEach((probability, i) => expect(bars[i]).toBeCloseTo(Math.max(1, scale * probability), 1));
    await expect(svg).toMatchFileSnapshot("../snapshots/changed-predictions.svg");
  });

  it("are saved as pictures and tables", async () => {
    const data = turnMatrix(comparison, names, inkOf("light"));
    await expect(matrixSvg(data, "seeded & drawn", "legend", inkOf("light"))).toMatchFileSnapshot(
      "../snapshots/matrix.svg",
    );
    const { header, rows } = matrixTable(data, "cosine");
    expect(rows.length).toBe((LM.nLayers + 1) * n);
    expect(Object.fromEntries(header.map((name, i) => [name, rows[9][i]]))).toMatchObject({
      state: "0",
      tokenIndex: 9,
      token: "escape / [MASK]",
      cosine: 0.6,
    });
    expect(divergenceTable(comparison).rows.length).toBe(LM.nLayers * LM.nHeads);
    expect(predictionsTable(comparison, names).rows).toEqual([[n - 1, "[SEP]", " Paris", 0.31, " Lyon", 0.12]]);
  });

  it("are put in words: the head, the token and the predictions that change", () => {
    const [head, state, predictions] = differenceSentences(comparison, names);
    const ranked = [...comparison.heads].sort((x, y) => y.divergence - x.divergence);
    expect(head).toContain(`Head ${ranked[0].layer}.${ranked[0].head} changes most`);
    expect(state).toContain("“escape / [MASK]”");
    expect(predictions).toBe(`The likeliest token changes at 1 of ${n} places.`);
  });

  it("of made-up passes have the distance that the definition gives", () => {
    expect(distance(Float32Array.from([1, 0]), Float32Array.from([0, 1]))).toBeCloseTo(1, 12);
    expect(distance(Float32Array.from([0.5, 0.5]), Float32Array.from([1, 0]))).toBeCloseTo(0.5579230452841438, 6);
  });
});

describe("passes", () => {
  it("are called by their text, their model, and what was done to them", () => {
    const without = [{ layer: 5, head: 9 }];
    expect(passName({ ...PASS, model: "x/mini", mask: [9], without }, before.tokens)).toEqual({
      text: TEXT,
      model: "mini",
      changes: ["masked: “escape”", "without head 5.9 (its mean)"],
    });
  });

  it("show the chosen head, else the one that differs most, else the one on show", async () => {
    const { state } = mounted({ layer: 2, heads: [4] });
    const { capture, view } = await until(state, (s) => s.capture !== null);
    expect(shownHead({ capture, view, comparison: null })).toEqual({ layer: 2, head: 4 });
    const most = [...comparison.heads].sort((x, y) => y.divergence - x.divergence)[0];
    expect(shownHead({ capture, view, comparison })).toEqual({ layer: most.layer, head: most.head });
    const chosen = { layer: 1, head: 1 };
    expect(shownHead({ capture, comparison, view: { ...view, chosenHead: chosen } })).toEqual(chosen);
    expect(shownHead({ capture, comparison: null, view: { ...view, chosenHead: { layer: 40, head: 0 } } })).toEqual({
      layer: 2,
      head: 4,
    });
  });
});

describe("the compare pane", () => {
  it("compares before and after a mask: pinned once, asked once, and again when the mask changes", async () => {
    const { controller, state, asked, button, element } = mounted();
    (await button("Pin this text as A"))?.click();
    await until(
      () => element.querySelector(".compare-pane .empty-title")?.textContent,
      (text) => text === "A and B are the same pass",
    );
    expect(asked("compareCaptures")).toEqual([]);
    controller.toggleMask([9]);
    await until(state, (s) => s.comparison !== null && s.headPair !== null);
    const [{ captureIds }] = asked<CompareCapturesParams>("compareCaptures");
    expect(captureIds).toEqual([state().pinnedCapture?.id, state().capture?.id]);
    const findings = await until(
      () => element.querySelector(".compare-pane .findings")?.textContent,
      (text) => text !== undefined,
    );
    expect(findings).toContain("changes most");
    controller.update({ layer: 3 });
    controller.toggleMask([4]);
    await until(asked.bind(null, "compareCaptures"), (all) => all.length === 2);
    await until(state, (s) => s.comparison !== null);
    // A is read once: the server still holds it
    const reads = asked<AttendParams>("attend").filter(({ text, mask }) => text !== undefined && mask === undefined);
    expect(reads.length).toBe(2);
  });

  it("reads one head in both passes, and another when it is chosen in the map", async () => {
    const { state, asked, element } = mounted({ mask: [9], compareWith: PASS });
    await until(state, (s) => s.headPair !== null);
    const cell = await until(
      () => element.querySelector<HTMLElement>('.compare-pane .head-cell[data-at="2:5"]'),
      (one) => one !== null,
    );
    cell?.click();
    await until(state, (s) => s.headPair?.layer === 2 && s.headPair.head === 5);
    const asks = asked<AttendParams>("attend").filter(({ heads }) => heads?.[0] === 5);
    expect(asks.map(({ captureId }) => captureId)).toEqual([state().pinnedCapture?.id, state().capture?.id]);
    const size = n * n;
    const { before: a, after: b } = state().headPair ?? { before: null, after: null };
    expect(a).toEqual(passValues(before, 2).slice(5 * size, 6 * size));
    expect(b).toEqual(passValues(after, 2).slice(5 * size, 6 * size));
    // without a layout there is no picture, but its table is there
    expect(element.querySelectorAll(".compare-pane .head-card tbody tr").length).toBeGreaterThan(3);
  });

  it("compares before and after a head is switched off, from the effect pane", async () => {
    const { element, controller, state } = mounted({ pane: "effect", chosenHead: { layer: 1, head: 3 } });
    await until(state, (s) => s.effects !== null);
    const compare = await until(
      () => [...element.querySelectorAll("button")].find((one) => one.textContent === "Compare before and after"),
      (one) => one !== undefined,
    );
    compare?.click();
    const { comparison: found } = await until(state, (s) => s.comparison !== null);
    expect(state().view).toMatchObject({ pane: "compare", without: [{ layer: 1, head: 3 }] });
    expect(found?.heads.filter(({ layer, divergence }) => layer <= 1 && divergence > 0)).toEqual([]);
    expect(found?.heads.some(({ divergence }) => divergence > 0.01)).toBe(true);
    expect(controller.link().length).toBeGreaterThan(10);
  });

  it("swaps A and B", async () => {
    const { state, button } = mounted({ mask: [9], compareWith: PASS });
    await until(state, (s) => s.comparison !== null);
    (await button("Swap A and B"))?.click();
    await until(state, (s) => s.comparison !== null && s.view.mask.length === 0);
    expect(state().view.compareWith).toMatchObject({ mask: [9] });
  });

  it("offers the text without its mask, and the model with all heads", async () => {
    const { state } = mounted({ mask: [9], without: [{ layer: 1, head: 3 }] });
    const { capture } = await until(state, (s) => s.capture !== null);
    if (capture === null) throw new Error("nothing was read");
    expect(obviousPartners(capture).map(({ name }) => name)).toEqual([
      "the text without the mask",
      "the model with all heads",
    ]);
  });

  it("says what to do with texts of different tokens, and draws those of the same length place by place", async () => {
    const other = TEXT.replace("city", "town");
    const { element, state, controller, button } = mounted({ compareWith: { ...PASS, input: { text: other } } });
    const text = await until(
      () => element.querySelector(".compare-pane [role=alert]")?.textContent,
      (shown) => shown?.includes("place by place") === true,
    );
    expect(text).toContain("Token 14 differs: 'town' and 'city'.");
    expect(state().headPair?.n).toBe(n);
    (await button("See how alike the two texts are"))?.click();
    await until(state, (s) => s.decomposition !== null);
    expect(state().view).toMatchObject({ pane: "effect", effectAgainst: other, effectOf: "parts" });
    controller.update({ pane: "compare", compareWith: { ...PASS, input: { text: "She ran." } } });
    await until(
      () => element.querySelector(".compare-pane [role=alert]")?.textContent,
      (shown) => shown?.includes("The captures have 5 and 17 tokens") === true,
    );
    expect(element.querySelector(".difference")).toBe(null);
  });

  it("reads both again when the server has forgotten one", async () => {
    const { host, controller, state } = mounted({ mask: [9], compareWith: PASS });
    await until(state, (s) => s.comparison !== null);
    controller.update({ pane: "attention" });
    host.forget();
    controller.update({ pane: "compare", compareWith: { ...PASS, mask: [4] } });
    await until(state, (s) => s.comparison !== null && s.comparingPasses.phase === "idle");
  });

  it("says so when the server is older than the method", async () => {
    const errors = { compareCaptures: { code: -32601, message: "no such method" } };
    const { element } = mounted({ mask: [9], compareWith: PASS }, { errors });
    await until(
      () => element.querySelector(".compare-pane")?.textContent,
      (text) => text?.includes("older than this view") === true,
    );
  });

  it("saves every picture and table, and pins from the menu", async () => {
    const { controller, state, host } = mounted({ mask: [9], compareWith: PASS });
    await until(state, (s) => s.comparison !== null && s.headPair !== null);
    for (const action of compareActions(controller, state()).slice(1)) if (!action.text.includes("PNG")) action.run();
    const saved = host.log.filter(({ what }) => what === "save").map(({ value }) => (value as { name: string }).name);
    expect(saved.sort()).toEqual([
      "changed-predictions.csv",
      "changed-predictions.svg",
      "comparison.csv",
      "comparison.json",
      "comparison.svg",
      "difference-curves.csv",
      "difference-curves.svg",
      "hidden-states.csv",
      "hidden-states.svg",
    ]);
    const offered = compareActions(controller, state()).map(({ text }) => text);
    for (const text of offered.filter((one) => one.endsWith("as SVG")))
      expect(offered).toContain(text.replace("SVG", "PNG"));
    compareActions(controller, state())[0].run();
    expect(state().view.compareWith).toMatchObject({ mask: [9] });
  });

  it("has its pinned pass in the link, and takes none that is not one", async () => {
    const { controller, state } = mounted({ mask: [9], compareWith: PASS });
    await until(state, (s) => s.comparison !== null);
    const { parse, read } = composeState(PANES);
    expect(parse(controller.link())?.compareWith).toEqual(PASS);
    expect(read({ version: 1, compareWith: { ...PASS, mask: ["x"] } })?.compareWith).toBe(null);
    expect(read({ version: 1, compareWith: { ...PASS, input: { textDocument: {} } } })?.compareWith).toBe(null);
  });
});
