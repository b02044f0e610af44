// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { describeModel, MINI, type Synthetic } from "../../dev/synthetic";
import { profileHeads } from "../../dev/syntheticHeads";
import { diverging, headMapSvg, mix, sequential } from "../../src/draw/headMap";
import { inkOf } from "../../src/draw/ink";
import { contrast, inkOn } from "../../src/logic/palette";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { findHeads } from "../../src/panes/heads/logic/find";
import { legendOf, MOST, mapCells, measuresOf, strongest } from "../../src/panes/heads/logic/measures";
import { roleName, strongRoles } from "../../src/panes/heads/logic/roles";
import { shownTopic, topicsOf } from "../../src/panes/heads/logic/topics";
import { headsTable, measuresTable } from "../../src/panes/heads/tables";
import type { ProfileParams, Role } from "../../src/protocol";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const GPT: Synthetic = { kind: "autoregressive", nLayers: 6, nHeads: 5, hasLmHead: true, maskToken: null };
const views: MountedView[] = [];

function mounted(options: FixtureOptions = {}) {
  const host = new FixtureHost(options);
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = () => host.log.filter(({ what }) => what === "profileHeads").map(({ value }) => value as ProfileParams);
  return { host, element, controller, state: () => controller.store.get(), asked };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const mini = profileHeads({ corpus: "brown" }, describeModel(MINI));
const gpt = profileHeads({ corpus: "brown" }, describeModel(GPT));
const blank = { ...mini.heads[0], roles: [], offsets: [], special: 0.1, firstToken: 0, induction: null };
const role = (change: Partial<Role>): Role => ({
  role: "det",
  direction: "toHead",
  mass: 0.4,
  expected: 0.1,
  lift: 4,
  low: 3,
  high: 5,
  n: 100,
  qValue: 0.001,
  examples: null,
  ...change,
});

describe("what a head does most", () => {
  it("is the role with most beyond the expected attention, among the significant ones", () => {
    const roles = [
      role({ role: "a", mass: 0.6, expected: 0.5 }),
      role({ role: "b" }),
      role({ role: "c", mass: 0.9, qValue: 0.2 }),
    ];
    expect(strongest({ ...blank, roles })).toMatchObject({ kind: "b", value: 0.4 });
    expect(strongRoles({ ...blank, roles }).map((one) => one.role)).toEqual(["b", "a"]);
  });

  it("is induction before any role, and nothing where all is weak", () => {
    expect(strongest({ ...blank, roles: [role({})], induction: 0.5 })).toMatchObject({ kind: "induction" });
    expect(strongest({ ...blank, roles: [role({})], induction: 0.1 })).toMatchObject({ kind: "det" });
    expect(strongest({ ...blank, roles: [role({ mass: 0.05 })] })).toBe(null);
  });

  it("is a distance, or where it rests, when no role is", () => {
    const offsets = [{ offset: -1, mass: 0.7, share: 0.7 }];
    expect(strongest({ ...blank, offsets })).toMatchObject({ name: "the token before", value: 0.7 });
    expect(strongest({ ...blank, special: 0.8 })).toMatchObject({ name: "special tokens" });
  });

  it("is resting on a plain first token before any role, as words that begin a text would have it from that", () => {
    const resting = { ...blank, roles: [role({})], firstToken: 0.8 };
    expect(strongest(resting)).toMatchObject({ name: "first token", value: 0.8 });
    expect(strongest({ ...resting, induction: 0.5 })).toMatchObject({ kind: "induction" });
    // [CLS] is first and special: it has no role
    expect(strongest({ ...resting, special: 0.8 })).toMatchObject({ kind: "det" });
  });

  it("says from who looks to what is looked at", () => {
    expect(roleName({ role: "det", direction: "toHead" })).toBe("det → head");
    expect(roleName({ role: "dobj", direction: "toDependent" })).toBe("head → dobj");
  });
});

describe("the measures of a map", () => {
  it("are those that the profile has: induction for models that read forwards alone", () => {
    const ids = (profile: typeof mini) => measuresOf(profile).map(({ id }) => id);
    expect(ids(mini)).toContain("det:toHead");
    expect(ids(mini)).not.toContain("induction");
    expect(ids(gpt)).toContain("induction");
    expect(new Set(ids(gpt)).size).toBe(ids(gpt).length);
  });

  it("color from 0 to their largest value, and name it", () => {
    const measure = measuresOf(gpt).find(({ id }) => id === "induction");
    if (measure === undefined) throw new Error("no induction");
    const ink = inkOf("light");
    const cells = mapCells(gpt.heads, measure, ink);
    const values = gpt.heads.map((one) => one.induction ?? 0);
    const best = values.indexOf(Math.max(...values));
    expect(cells[best].color).toBe(sequential(1, ink));
    expect(legendOf(gpt.heads, measure)).toContain(Math.max(...values).toFixed(2));
  });

  it("can be read on their colors, in every theme", () => {
    for (const theme of ["light", "dark", "highContrast", "highContrastLight"] as const) {
      const ink = inkOf(theme);
      for (const measure of measuresOf(mini))
        for (const { color } of mapCells(mini.heads, measure, ink))
          if (color !== null) expect(contrast(color, inkOn(color))).toBeGreaterThanOrEqual(4.5);
      for (let value = -1; value <= 1; value += 0.1) {
        const color = diverging(value, ink);
        expect(contrast(color, inkOn(color))).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it("are spoken as they are written", () => {
    for (const measure of measuresOf(gpt))
      for (const { lines, spoken } of mapCells(gpt.heads, measure, inkOf("light")))
        expect(spoken).toContain(lines.join(" "));
  });

  it("mix colors channel by channel, and clamp", () => {
    expect(mix("#000000", "#ff8000", 0.5)).toBe("#804000");
    expect(mix("#000000", [255, 128, 0], 2)).toBe("#ff8000");
  });

  it("are drawn as committed", async () => {
    const ink = inkOf("light");
    const cells = mapCells(gpt.heads, MOST, ink);
    await expect(headMapSvg(cells, "seeded & drawn", legendOf(gpt.heads, MOST), ink)).toMatchFileSnapshot(
      "../snapshots/head-map.svg",
    );
  });

  it("are saved as tables, a row a head and a row a measure", () => {
    expect(headsTable(mini.heads).rows.length).toBe(72);
    const { header, rows } = measuresTable(mini.heads);
    for (const row of rows) expect(row.length).toBe(header.length);
    const [{ offsets, roles, relations, vocabulary }] = mini.heads;
    const mine = rows.filter(([layer, head]) => layer === 0 && head === 0);
    expect(mine.length).toBe(offsets.length + roles.length + relations.length + vocabulary.length);
  });
});

describe("examples", () => {
  it("are grouped by role and word; an unknown choice shows the first", () => {
    const with4 = profileHeads({ corpus: "brown", examples: 4 }, describeModel(MINI)).heads;
    const topics = with4.flatMap(topicsOf);
    expect(topics.every(({ hits }) => hits.length === 4)).toBe(true);
    expect(shownTopic(topics, topics[1].id)?.id).toBe(topics[1].id);
    expect(shownTopic(topics, "word:nowhere")).toBe(topics[0]);
    expect(shownTopic([], null)).toBe(null);
  });
});

describe("the heads pane", () => {
  it("asks for profiles when it is shown, once, and for examples of the head that is chosen", async () => {
    const { controller, state, asked } = mounted();
    await until(state, (s) => s.corpora !== null && s.view.corpus !== null);
    expect(asked()).toEqual([]);
    controller.update({ pane: "heads" });
    await until(state, (s) => s.profile !== null);
    controller.update({ chosenHead: { layer: 1, head: 2 } });
    controller.update({ chosenHead: { layer: 4, head: 3 } });
    await until(state, (s) => s.headExamples !== null);
    expect(state().headExamples).toMatchObject({ layer: 4, head: 3 });
    expect(asked()).toEqual([
      { corpus: "brown" },
      { corpus: "brown", layers: [4], heads: [3], measures: ["roles", "vocabulary"], examples: 4 },
    ]);
    controller.setCorpus("another");
    await until(state, (s) => s.profile?.corpus === "another");
  });

  it("can be stopped, and asks again only when it is wanted", async () => {
    const { host, controller, state, element, asked } = mounted();
    await until(state, (s) => s.view.corpus !== null);
    host.delay = 5000;
    controller.update({ pane: "heads" });
    await until(state, (s) => s.profiling.phase === "busy");
    controller.parts.heads.cancel();
    host.delay = 0;
    controller.update({ headMeasure: "entropy" });
    expect(asked().length).toBe(1);
    const again = await until(
      () => [...element.querySelectorAll("button")].find((one) => one.textContent?.startsWith("Profile the heads")),
      (button) => button !== undefined,
    );
    again?.click();
    await until(state, (s) => s.profile !== null);
  });

  it("moves by arrow keys from cell to cell, says each value, and opens a card", async () => {
    const { element, controller, state } = mounted({ state: { version: 1, pane: "heads" } });
    const cell = (at: string) => element.querySelector<HTMLElement>(`[data-at="${at}"].head-cell`);
    await until(
      () => cell("0:0"),
      (one) => one !== null,
    );
    const press = async (key: string, to: string) => {
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await until(
        () => cell(to),
        (one) => one === document.activeElement && one?.tabIndex === 0,
      );
    };
    cell("0:0")?.focus();
    await press("ArrowRight", "0:1");
    await press("ArrowDown", "1:1");
    await press("End", "1:11");
    expect(element.querySelectorAll('.head-cell[tabindex="0"]').length).toBe(1);
    expect(cell("0:4")?.getAttribute("aria-label")).toMatch(/^layer 0, head 4: .* 0\.\d\d of attention \(.+\)$/);
    cell("1:11")?.click();
    await until(
      () => element.querySelector("#exbert-head-card")?.textContent,
      (text) => text === "Head 1.11",
    );
    expect(state().view.chosenHead).toEqual({ layer: 1, head: 11 });
    expect(controller.link().length).toBeGreaterThan(10);
  });

  it("opens the line of an example, and searches contexts like it with that head", async () => {
    const { host, element, state } = mounted({
      state: { version: 1, pane: "heads", chosenHead: { layer: 4, head: 3 } },
    });
    const example = await until(
      () => element.querySelector<HTMLElement>(".example"),
      (one) => one !== null,
    );
    example?.querySelector<HTMLElement>(".example-text")?.click();
    const hit = topicsOf(state().headExamples ?? mini.heads[0])[0].hits[0];
    expect(host.log.at(-1)).toMatchObject({
      what: "openLocation",
      value: { document: hit.document, range: hit.range },
    });
    example?.querySelector<HTMLElement>(".button.link")?.click();
    await until(state, (s) => s.result !== null);
    expect(state().view).toMatchObject({ layer: 4, heads: [3], pane: "corpus", pinned: { token: hit.match } });
    expect(state().capture?.text).toBe(hit.sentence.text);
  });

  it.each([
    [{ code: -32601, message: "no such method" }, "older than this view"],
    [
      { code: -33004, message: "built by an earlier version", data: { hint: "index the corpus again" } },
      "index the corpus again",
    ],
  ])("says what to do when the server answers %j", async (error, text) => {
    const { element } = mounted({ state: { version: 1, pane: "heads" }, errors: { profileHeads: error } });
    await until(
      () => element.querySelector(".heads-pane")?.textContent,
      (shown) => shown?.includes(text) === true,
    );
  });

  it("says what a profile leaves out", async () => {
    const { element } = mounted({ state: { version: 1, pane: "heads", corpus: "lists" }, corpora: ["lists"] });
    await until(
      () => element.querySelector(".heads-pane .note")?.textContent,
      (text) => text === "No parser: this corpus has no roles and no relations.",
    );
  });

  it("falls back to what heads do most where a measure is not there, says so, and forgets it when asked", async () => {
    const { element, state } = mounted({ state: { version: 1, pane: "heads", headMeasure: "xcomp:toHead" } });
    const note = await until(
      () => element.querySelector(".heads-pane .note"),
      (one) => one?.textContent?.includes("no numbers for “xcomp toHead”") === true,
    );
    note?.querySelector("button")?.click();
    expect(state().view.headMeasure).toBe("most");
    await until(
      () => element.querySelector(".heads-pane .note"),
      (one) => one === null,
    );
  });

  it("finds heads by a measure, a role or a word, strongest first", () => {
    const measures = measuresOf(gpt);
    const found = findHeads(gpt.heads, measures, " Induc ");
    expect(found?.measure?.id).toBe("induction");
    const values = gpt.heads.map((one) => one.induction ?? 0).sort((a, b) => b - a);
    expect(found?.heads.map(({ value }) => value)).toEqual(values);
    expect(findHeads(gpt.heads, measures, "det head")?.measure?.id).toBe("det:toHead");
    const word = findHeads(gpt.heads, measures, "silence");
    expect(word?.measure).toBe(null);
    const looking = gpt.heads.filter(({ vocabulary }) => vocabulary.some((one) => one.word === "silence"));
    expect(word?.heads.length).toBe(looking.length);
    expect(findHeads(gpt.heads, measures, "  ")).toBe(null);
    expect(findHeads(gpt.heads, measures, "nothing of the kind")?.heads).toEqual([]);
  });

  it("searches with a head from its card: at the pinned token, or in its first example", async () => {
    const { element, state } = mounted({ state: { version: 1, pane: "heads", chosenHead: { layer: 4, head: 3 } } });
    const button = await until(
      () => [...element.querySelectorAll("button")].find((one) => one.textContent === "Search contexts like this"),
      (one) => one !== undefined,
    );
    button?.click();
    await until(state, (s) => s.result !== null);
    expect(state().view).toMatchObject({ layer: 4, heads: [3], pane: "corpus" });
  });

  it("says so when there is no corpus", async () => {
    const { element } = mounted({ state: { version: 1, pane: "heads" }, corpora: [] });
    await until(
      () => element.querySelector(".heads-pane .empty-title")?.textContent,
      (text) => text === "No corpus yet",
    );
  });

  it("has a page of its own when there is room for several panes", async () => {
    const { element, controller } = mounted();
    controller.store.set({ wide: true });
    await until(
      () => element.querySelectorAll(".column").length,
      (n) => n > 1,
    );
    expect(element.querySelector(".heads-pane")).toBe(null);
    const tabs = [...element.querySelectorAll<HTMLElement>("[role=tab]")];
    tabs.find(({ textContent }) => textContent === "Heads")?.click();
    await until(
      () => element.querySelector(".heads-pane"),
      (pane) => pane !== null,
    );
    expect(element.querySelector(".pane.attention")).toBe(null);
  });
});
