// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { recordedPair, recordedParts } from "../../dev/recordedHost";
import { describeModel, MINI, type Synthetic, tokenize } from "../../dev/synthetic";
import { ablateHeads, decompose } from "../../dev/syntheticEffects";
import type { Capture } from "../../src/app";
import { headMapSvg } from "../../src/draw/headMap";
import { inkOf } from "../../src/draw/ink";
import { matrixSvg } from "../../src/draw/matrix";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { sumSvg } from "../../src/panes/effect/draw/sumSvg";
import {
  contributions,
  deltas,
  measured,
  signed,
  strongestOf,
  sumSteps,
  valueCells,
} from "../../src/panes/effect/logic/effects";
import { mapLegend } from "../../src/panes/effect/logic/legend";
import { lensMatrix, lensPlaces, MOST_PLACES } from "../../src/panes/effect/logic/lens";
import { pairLegend, pairMatrix, strongestPairs } from "../../src/panes/effect/logic/pairs";
import { effectQuestion } from "../../src/panes/effect/measurer";
import { effectsTable, lensTable, partsTable } from "../../src/panes/effect/tables";
import { composeState, type ViewState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const GPT: Synthetic = { kind: "autoregressive", nLayers: 6, nHeads: 5, hasLmHead: true, maskToken: null };
const model = describeModel(GPT);
const views: MountedView[] = [];
const INPUT = { text: "The capital of France is" };

function mounted(options: FixtureOptions = {}, view: object = {}) {
  const state = { version: 1, pane: "effect", input: INPUT, ...view };
  const host = new FixtureHost({ made: GPT, state, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = () => host.log.filter(({ what }) => what === "ablateHeads" || what === "decompose");
  return { host, element, controller, state: () => controller.store.get(), asked };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const effects = ablateHeads({ heads: "each", captureId: "c", topK: 5 }, model, 4);
const parts = decompose({ captureId: "c" }, model, 4);

describe("the effects of heads", () => {
  it("are drawn from minus to plus of the largest, as committed", async () => {
    const ink = inkOf("light");
    const cells = valueCells(deltas(effects), "nats", ink);
    const [strongest] = strongestOf(deltas(effects), 1);
    expect(strongest).toEqual({ layer: 4, head: 3, value: -1.2 });
    const cell = cells.find(({ layer, head }) => layer === 4 && head === 3);
    expect(cell).toMatchObject({ color: ink.tick, lines: ["−1.20"], spoken: "−1.20 nats" });
    const legend = mapLegend("ablation", effects.measure, deltas(effects));
    expect(legend).toContain("±1.20 nats");
    await expect(headMapSvg(cells, "seeded & drawn", legend, ink)).toMatchFileSnapshot("../snapshots/effect-map.svg");
  });

  it("are saved as tables", () => {
    expect(effectsTable(effects).rows.length).toBe(30);
    const { header, rows } = effectsTable(effects);
    const row = Object.fromEntries(header.map((name, i) => [name, rows[23][i]]));
    expect(row).toMatchObject({ layer: 4, head: 3, mode: "mean", measure: "logProbability", delta: -1.2 });
    expect(row.value).toBeCloseTo(Number(row.base) + Number(row.delta), 12);
    const sum = partsTable(parts).rows.reduce((total, row) => total + Number(row[3]), 0);
    expect(sum).toBeCloseTo(parts.total, 9);
    expect(lensTable(parts).rows.length).toBe(7);
  });

  it("say what is measured, and of which token", () => {
    const tokens = INPUT.text.split(" ").map((token, index) => ({ index, token }));
    const capture = { model, tokens, decoderTokens: null } as unknown as Capture;
    expect(measured(effects, capture, "")).toBe("log-probability of “ Paris” after “is”");
    const alike = ablateHeads({ heads: "each", against: "x" }, describeModel(MINI), 4);
    expect(measured(alike, capture, "x")).toBe("cosine with “x”");
    expect([signed(0.001), signed(-0.5), signed(0.5)]).toEqual(["0.00", "−0.50", "+0.50"]);
  });
});

describe("the sum of parts", () => {
  it.each([1, 5, 1000])("reaches the total when %i parts are named", (most) => {
    const steps = sumSteps(parts, most);
    const last = steps[steps.length - 1];
    expect(last.name).toBe("rounding");
    expect(last.from + last.value).toBeCloseTo(parts.total, 9);
    steps.slice(1).forEach((step, i) => expect(step.from).toBeCloseTo(steps[i].from + steps[i].value, 12));
    const largest = Math.max(...parts.parts.map(({ value }) => Math.abs(value)));
    expect(Math.abs(steps[0].value)).toBe(largest);
    expect(steps[0].from).toBe(0);
  });

  it("has a map of what the heads add", () => {
    const own = contributions(parts);
    expect(own.length).toBe(30);
    expect(own.find(({ layer, head }) => layer === 4 && head === 3)?.value).toBe(2.41);
  });
});

describe("pairs of tokens of two texts", () => {
  const model = describeModel(MINI);
  const text = "The company increased production.";
  const tokens = (other: string) => tokenize(MINI, other, null, []);
  const [first, second] = [tokens(text), tokens("The company decreased.")];
  const answer = decompose({ against: "x" }, model, first.length - 1, second.length);
  const ink = inkOf("light");

  it("are named by both texts, add up to the similarity, and the largest are listed", async () => {
    if (answer.tokenPairs === null) throw new Error("no pairs");
    const data = pairMatrix(answer.tokenPairs, first, second, ink);
    expect([data.rowNames.length, data.columnNames.length]).toEqual([first.length, second.length]);
    expect(data.rowNames[2]).toBe("company");
    const values = data.cells.flat().map(({ value }) => value ?? 0);
    expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(answer.total, 4);
    const [top] = strongestPairs(data, 3);
    expect(Math.abs(top.value)).toBe(Math.max(...values.map(Math.abs)));
    await expect(matrixSvg(data, "seeded & drawn", pairLegend(data), ink)).toMatchFileSnapshot(
      "../snapshots/token-pairs.svg",
    );
  });

  it("are shown, with the tokens of the second text read for their names", async () => {
    const { element, state } = mounted({ made: MINI }, { effectOf: "parts", effectAgainst: "She was late." });
    await until(state, (s) => s.decomposition !== null);
    expect(state().againstTokens?.map(({ token }) => token)).toEqual(["[CLS]", "she", "was", "late", ".", "[SEP]"]);
    await until(
      () => element.querySelectorAll(".effect-pane .matrix-cell").length,
      (count) => count === 7 * 6,
    );
  });

  it("name every cell of a real model, and add up to its cosine", () => {
    const parts = recordedParts;
    if (parts.tokenPairs === null) throw new Error("no pairs");
    const data = pairMatrix(parts.tokenPairs, recordedPair.first.tokens, recordedPair.second.tokens, ink);
    const total = data.cells.flat().reduce((sum, { value }) => sum + (value ?? 0), 0);
    expect(total).toBeCloseTo(parts.total, 2);
    expect(data.rowNames).toEqual(["[CLS]", "The", "company", "increased", "production", ".", "[SEP]"]);
    expect(data.columnNames[3]).toBe("decreased");
  });
});

describe("what hidden states predict", () => {
  it("is read at every token, the last one first, and stays when it is stopped", async () => {
    const { state, asked, controller } = mounted({}, { effectOf: "parts", effectLens: "all" });
    await until(state, (s) => s.lensColumns.length === 5 && s.readingLens.phase === "idle");
    const tokens = asked()
      .map(({ value }) => value as { token?: number; topK?: number })
      .filter(({ topK }) => topK === 1)
      .map(({ token }) => token);
    expect(tokens).toEqual([4, 3, 2, 1, 0]);
    expect(state().lensColumns.map(({ token }) => token)).toEqual([0, 1, 2, 3, 4]);
    controller.parts.effect.stopLens();
    expect(state().lensColumns.length).toBe(5);
  });

  it("is not asked for where it is wanted at one token only, and goes with another text", async () => {
    const { host, state, asked, controller } = mounted({}, { effectOf: "parts" });
    await until(state, (s) => s.decomposition !== null);
    expect(asked().length).toBe(1);
    controller.update({ effectLens: "all" });
    await until(state, (s) => s.lensColumns.length === 5);
    host.selections.fire({ input: { text: "Rome is" }, label: "" });
    expect(state().lensColumns).toEqual([]);
    await until(state, (s) => s.lensColumns.length === 2);
  });

  it("is a matrix of states and tokens, colored by how sure a state is of what comes out", () => {
    const lens = decompose({ captureId: "c", topK: 1 }, model, 4).lens;
    const data = lensMatrix([{ token: 4, lens }], ["The", "capital", "of", "France", "is"], inkOf("light"));
    expect(data.columnNames).toEqual(["is"]);
    expect(data.cells.length).toBe(7);
    expect(data.cells[6][0]).toMatchObject({ value: 0.3 });
    expect(data.cells[6][0].text.startsWith("␣")).toBe(true);
    for (const { text, spoken } of data.cells.flat()) expect(spoken).toContain(text);
  });

  it("is read at the last tokens of a long text", () => {
    const tokens = tokenize(GPT, "word ".repeat(80), null, []);
    const places = lensPlaces(tokens);
    expect(places.length).toBe(MOST_PLACES);
    expect(places[0]).toBe(79);
  });
});

describe("the picture of the sum", () => {
  it("is drawn as committed", async () => {
    await expect(sumSvg(sumSteps(parts, 5), "seeded & drawn", inkOf("light"))).toMatchFileSnapshot(
      "../snapshots/sum.svg",
    );
  });
});

describe("what is asked", () => {
  const initial = composeState(PANES).initial;
  const question = (made: Synthetic, view: Partial<ViewState>) => {
    const capture = {
      id: "c",
      whole: "c",
      model: describeModel(made),
      tokens: Array.from({ length: 5 }, (_, index) => ({ index })),
    } as unknown as Capture;
    return effectQuestion({ capture, view: { ...initial, ...view } })?.params;
  };
  const pinned = { side: "left", token: 2 } as const;

  it("is about the pinned token's prediction where the model makes one", () => {
    expect(question(GPT, { pinned })).toMatchObject({ heads: "each", mode: "mean", target: { token: 2 } });
    expect(question(GPT, {})).not.toHaveProperty("target");
    expect(question(MINI, { pinned })).not.toHaveProperty("target");
    const masked = { ...MINI, hasLmHead: true };
    expect(question(masked, { pinned, mask: [3] })).not.toHaveProperty("target");
    expect(question(GPT, { pinned, effectOf: "parts" })).toMatchObject({ token: 2 });
  });

  it("is about two texts where a second one is given", () => {
    const asked = question(GPT, { pinned, effectAgainst: " Rome " });
    expect(asked).toMatchObject({ against: "Rome" });
    expect(asked).not.toHaveProperty("target");
  });
});

describe("the effect pane", () => {
  it("measures when it is shown, and again when the text or a choice changes", async () => {
    const { host, controller, state, asked } = mounted({}, { pane: "attention" });
    await until(state, (s) => s.capture !== null);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked()).toEqual([]);
    controller.update({ pane: "effect" });
    await until(state, (s) => s.effects !== null);
    controller.update({ chosenHead: { layer: 1, head: 1 } });
    controller.update({ effectMode: "zero" });
    expect(state().effects).toBe(null);
    await until(state, (s) => s.effects?.mode === "zero");
    host.selections.fire({ input: { text: "The capital of Italy is" }, label: "" });
    expect(state().effects).toBe(null);
    await until(state, (s) => s.effects !== null);
    expect(asked().length).toBe(3);
    controller.update({ effectOf: "parts" });
    await until(state, (s) => s.decomposition !== null);
    expect(state().effects).toBe(null);
  });

  it("shows predictions with and without the head that is chosen in the map", async () => {
    const { element } = mounted();
    const cell = await until(
      () => element.querySelector<HTMLElement>('.head-cell[data-at="4:3"]'),
      (one) => one !== null,
    );
    expect(cell?.getAttribute("aria-label")).toBe("layer 4, head 3: −1.20 nats");
    cell?.click();
    const card = await until(
      () => element.querySelector(".effect-pane .head-card"),
      (one) => one?.querySelector(".before-after") !== null,
    );
    expect(card?.querySelector(".findings")?.textContent).toContain("goes from −1.214 to −2.414");
    expect(card?.querySelectorAll(".prediction-table tr").length).toBe(10);
  });

  it("can be stopped while it measures, and says so", async () => {
    const { host, element, state, controller, asked } = mounted({ delay: 20 });
    await until(state, (s) => s.capture !== null);
    host.delay = 5000;
    await until(
      () => asked().length,
      (n) => n === 1,
    );
    controller.parts.effect.cancel();
    const again = await until(
      () => [...element.querySelectorAll("button")].find(({ textContent }) => textContent === "Measure now"),
      (button) => button !== undefined,
    );
    host.delay = 0;
    again?.click();
    await until(state, (s) => s.effects !== null);
  });

  it("reads the text again when the server has forgotten it", async () => {
    const { host, state, controller } = mounted({}, { pane: "attention" });
    await until(state, (s) => s.capture !== null);
    host.forget();
    controller.update({ pane: "effect" });
    await until(state, (s) => s.effects !== null);
    expect(state().measuring.phase).toBe("idle");
  });

  it.each([
    [{ code: -33002, message: "parallel blocks do not sum" }, "parallel blocks do not sum"],
    [{ code: -32601, message: "no such method" }, "older than this view"],
  ])("says why it cannot when the server answers %j", async (error, text) => {
    const { element } = mounted({ errors: { decompose: error } }, { effectOf: "parts" });
    await until(
      () => element.querySelector(".effect-pane")?.textContent,
      (shown) => shown?.includes(text) === true,
    );
  });

  it("asks for a text when there is none", async () => {
    const { element } = mounted({}, { input: null });
    await until(
      () => element.querySelector(".effect-pane .empty-title")?.textContent,
      (text) => text === "No text yet",
    );
  });
});
