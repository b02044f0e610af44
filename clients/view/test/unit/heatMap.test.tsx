// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { random } from "../../dev/random";
import { layerValues, MINI } from "../../dev/synthetic";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { levelFor, levelsOf } from "../../src/panes/attention/map/levels";
import { namedPlaces } from "../../src/panes/attention/map/nameSheet";
import { cellAt, moved, revealing, whole, zoomed } from "../../src/panes/attention/map/viewport";
import { headsToHold, lacks } from "../../src/panes/attention/parts";
import type { AttendParams } from "../../src/protocol";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const views: MountedView[] = [];

function mounted(view: object, options: FixtureOptions = {}) {
  const host = new FixtureHost({ corpora: [], state: { version: 1, ...view }, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const attends = () => host.log.filter(({ what }) => what === "attend").map(({ value }) => value as AttendParams);
  return { host, element, controller, state: () => controller.store.get(), attends };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const text = (words: number) => Array(words).fill("word").join(" ");

describe("the levels of a heat map", () => {
  const [rows, columns] = [301, 517];
  const next = random(7);
  const matrix = Float32Array.from({ length: rows * columns }, () => next() ** 6);
  const levels = levelsOf(matrix, rows, columns);
  const most = matrix.reduce((a, b) => Math.max(a, b), 0);

  it("hold in each cell the largest weight of the cells that it covers", () => {
    expect(levels.map((level) => [level.rows, level.columns])).toEqual([
      [301, 517],
      [151, 259],
      [76, 130],
      [38, 65],
    ]);
    const scale = 8;
    for (const [row, column] of [
      [0, 0],
      [37, 64],
      [12, 33],
    ]) {
      let largest = 0;
      for (let r = scale * row; r < Math.min(rows, scale * (row + 1)); r++)
        for (let c = scale * column; c < Math.min(columns, scale * (column + 1)); c++)
          largest = Math.max(largest, matrix[r * columns + c]);
      expect(levels[3].values[row * 65 + column]).toBe(Math.round(255 * Math.sqrt(largest / most)));
    }
  });

  it("are drawn with no cell below a pixel, so that no line is lost", () => {
    expect(levelFor(levels, 517, 600)).toBe(0);
    expect(levelFor(levels, 517, 300)).toBe(1);
    expect(levelFor(levels, 517, 100)).toBe(3);
    expect(levelFor(levels, 1e6, 100)).toBe(3);
  });

  it("of a matrix without attention are empty", () => {
    expect(levelsOf(new Float32Array(4), 2, 2)[0].values).toEqual(new Uint8Array(4));
  });
});

describe("what is in sight of a heat map", () => {
  const extent = { rows: 100, columns: 200 };

  it("keeps the place under the pointer when it is zoomed, and stays within the text", () => {
    const before = whole(extent);
    const after = zoomed(before, extent, 2, 0.25, 0.75);
    expect(cellAt(after, extent, 0.25, 0.75)).toEqual(cellAt(before, extent, 0.25, 0.75));
    expect(after).toEqual({ x: 25, y: 37.5, width: 100, height: 50 });
    expect(zoomed(after, extent, 0.01)).toEqual(before);
    expect(zoomed(before, extent, 1e9).width).toBe(8);
    expect(moved(after, extent, 9, -9)).toMatchObject({ x: 100, y: 0 });
  });

  it("moves to the cell that is looked at, and no further than is needed", () => {
    const view = { x: 10, y: 10, width: 20, height: 20 };
    expect(revealing(view, extent, { row: 15, column: 29 })).toEqual(view);
    expect(revealing(view, extent, { row: 5, column: 40 })).toMatchObject({ x: 21, y: 5 });
    expect(cellAt(view, extent, 1, 0.5)).toBe(null);
    expect(cellAt(view, extent, 0.5, -0.1)).toBe(null);
  });

  it("names as many tokens as fit beside each other", () => {
    const places = namedPlaces(0, 200, 300);
    expect(places[1].at - places[0].at).toBeGreaterThanOrEqual(13);
    expect(namedPlaces(10.5, 8, 300).map(({ index }) => index)).toEqual([11, 12, 13, 14, 15, 16, 17, 18]);
  });
});

describe("a long text", () => {
  it("has a heat map from 60 tokens on, above the curves, alone, or not at all", async () => {
    const short = mounted({ input: { text: text(57) } });
    await until(short.state, (s) => s.layer !== null);
    expect(short.element.querySelector(".heat-map")).toBe(null);
    const { element, controller, state } = mounted({ input: { text: text(58) } });
    await until(state, (s) => s.layer !== null);
    const drawn = () => [".heat-map", ".attention-scroll"].map((what) => element.querySelector(what) !== null).join();
    await until(drawn, (both) => both === "true,true");
    controller.update({ heatMap: "only" });
    await until(drawn, (both) => both === "true,false");
    controller.update({ heatMap: "off" });
    await until(drawn, (both) => both === "false,true");
  });

  it("is read some heads at a time where an answer with all would be too large", async () => {
    const made = { ...MINI, nHeads: 10 };
    const { state, attends, element } = mounted({ input: { text: text(1998) }, heads: [8] }, { made });
    await until(state, (s) => s.layer !== null, 60_000);
    const asked = attends();
    expect(asked.map(({ tensors, heads }) => [tensors, heads])).toEqual([
      ["float16", undefined],
      ["uint8", [0]],
      ["uint8", [0, 1, 2, 3, 4, 5, 6]],
      ["uint8", [7, 8, 9]],
    ]);
    const { layer } = state();
    expect([layer?.heads.length, layer?.nQueries]).toEqual([10, 2000]);
    const expected = layerValues(0, 10, 2000, 2000, false, [8]);
    for (const at of [0, 12_345, 2_999_999]) expect(layer?.values[8 * 4e6 + at]).toBeCloseTo(expected[at], 2);
    await until(
      () => element.querySelector(".overview")?.textContent ?? "",
      (said) => said.includes("in so long a text"),
    );
  }, 120_000);

  it("holds the chosen heads first, and asks again for one that it lacks", () => {
    expect(headsToHold(32, 2048, 2048, [30, 3])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 30]);
    expect(headsToHold(4, 2048, 2048, null)).toEqual([0, 1, 2, 3]);
    const held = { heads: [0, 1, 5], nQueries: 1, nKeys: 1, values: new Float32Array(3) };
    expect([lacks(held, null), lacks(held, [5]), lacks(held, [5, 2])]).toEqual([false, false, true]);
  });
});
