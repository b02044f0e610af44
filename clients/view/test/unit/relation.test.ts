import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { Controller } from "../../src/control/controller";
import { PANES } from "../../src/panes";
import { corpusActions } from "../../src/panes/corpus/actions";
import { relationOf, strongestRelation, targetChoices } from "../../src/panes/corpus/relation";
import { hitsTable } from "../../src/panes/corpus/tables";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape the din of her city.";
const SOURCE = 9;
const TARGET = 8;
const running: Controller[] = [];

/** A view of the text with a token pinned in one head. */
async function pinned(options: FixtureOptions = {}, heads: readonly number[] | null = [11]) {
  const host = new FixtureHost(options);
  const controller = new Controller(host, PANES);
  running.push(controller);
  controller.start();
  const state = () => controller.store.get();
  const asked = (what: string) => host.log.filter((one) => one.what === what).map((one) => one.value);
  host.selections.fire({ input: { text: TEXT }, label: "notes.md:1" });
  await until(state, (s) => s.layer !== null && s.corpora !== null);
  controller.update({ layer: 2, heads });
  controller.pin({ side: "left", token: SOURCE });
  await until(state, (s) => s.result !== null && s.layerShown === 2);
  return { host, controller, state, asked };
}

/** The attention of one token in one head of the layer on show, read cell by cell. */
function weightAt(state: ReturnType<Controller["store"]["get"]>, head: number, target: number): number {
  const { layer } = state;
  if (layer === null) throw new Error("no layer");
  return layer.values[(layer.heads.indexOf(head) * layer.nQueries + SOURCE) * layer.nKeys + target];
}

afterEach(() => {
  for (const controller of running.splice(0)) controller.dispose();
});

describe("a relation", () => {
  it("is searched between the pinned token and the chosen one, in the chosen head, and its contexts are counted", async () => {
    const { controller, state, asked } = await pinned();
    controller.update({ relationTo: TARGET });
    await until(state, (s) => s.result !== null && "weight" in s.result && s.summary !== null);
    expect(asked("searchRelations")).toEqual([
      {
        corpus: "brown",
        captureId: state().capture?.id,
        source: SOURCE,
        target: TARGET,
        layer: 2,
        head: 11,
        k: 50,
        distinct: true,
      },
    ]);
    expect(state().summary?.searchId).toBe(state().result?.searchId);
    expect(asked("summarize").at(-1)).toMatchObject({ controls: ["word"] });
  });

  it("ends with another token, and contexts of that token are searched", async () => {
    const { controller, state, asked } = await pinned();
    controller.update({ relationTo: TARGET });
    await until(state, (s) => s.result !== null && "weight" in s.result);
    controller.pin({ side: "left", token: 3 });
    await until(state, (s) => s.result !== null && !("weight" in s.result));
    expect(state().view.relationTo).toBe(null);
    expect(asked("searchContexts").at(-1)).toMatchObject({ token: 3 });
  });

  it("is not searched while several heads are chosen, nor is anything else", async () => {
    const { controller, state, asked } = await pinned();
    const before = asked("searchContexts").length;
    controller.update({ relationTo: TARGET, heads: [3, 11] });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(relationOf(state())).toBe(null);
    expect(state().result).toBe(null);
    expect(asked("searchContexts").length).toBe(before);
    expect(asked("searchRelations")).toEqual([]);
  });

  it("to a special token, or to one that the text does not have, is none: contexts of the token are searched", async () => {
    const { controller, state } = await pinned();
    for (const relationTo of [0, 900]) {
      controller.update({ relationTo });
      expect(relationOf(state())).toBe(null);
      await until(state, (s) => s.result !== null && s.search.phase === "idle");
    }
  });

  it("is kept in a link", async () => {
    const { controller, state, host } = await pinned();
    controller.update({ relationTo: TARGET });
    await until(state, (s) => s.result !== null && "weight" in s.result);
    const link = controller.link();
    controller.reset();
    await until(state, (s) => s.capture !== null && s.result === null);
    host.log.length = 0;
    expect(controller.paste(link)).toBe(true);
    await until(state, (s) => s.result !== null && "weight" in s.result);
    expect(state().view).toMatchObject({ relationTo: TARGET, heads: [11], layer: 2 });
    expect(host.log.some(({ what }) => what === "searchContexts")).toBe(false);
  });

  it("that the corpus cannot answer says why", async () => {
    const error = { code: -33004, message: "built by an earlier version", data: { kind: "corpusMismatch", hint: "" } };
    const { controller, state } = await pinned({ errors: { searchRelations: error } });
    controller.update({ relationTo: TARGET });
    await until(state, (s) => s.search.phase === "failed");
    expect(state().search).toMatchObject({ error: { message: "built by an earlier version" } });
    expect(state().result).toBe(null);
  });
});

describe("the token that is attended to", () => {
  it("is offered from the strongest to the weakest of the head, special ones left out", async () => {
    const { state } = await pinned();
    const choices = targetChoices(state());
    const tokens = state().capture?.tokens ?? [];
    expect(choices.map(({ token }) => token.index).sort((a, b) => a - b)).toEqual(
      tokens.filter(({ isSpecial }) => !isSpecial).map(({ index }) => index),
    );
    for (const { token, weight } of choices) expect(weight).toBe(weightAt(state(), 11, token.index));
    const weights = choices.map(({ weight }) => weight ?? 0);
    expect(weights).toEqual([...weights].sort((a, b) => b - a));
  });

  it("is offered in the order of the text while several heads are chosen", async () => {
    const { state } = await pinned({}, null);
    const choices = targetChoices(state());
    expect(choices.every(({ weight }) => weight === null)).toBe(true);
    expect(choices[0].token.index).toBeLessThan(choices[1].token.index);
  });

  it.each([[null], [[11]], [[3, 11]]] as const)("is at first the strongest other token of heads %j", async (heads) => {
    const { state } = await pinned({}, heads);
    const all = (heads ?? state().layer?.heads ?? []).flatMap((head) =>
      (state().capture?.tokens ?? [])
        .filter(({ isSpecial, index }) => !isSpecial && index !== SOURCE)
        .map(({ index }) => ({ head, index, weight: weightAt(state(), head, index) })),
    );
    const [best] = all.sort((a, b) => b.weight - a.weight);
    expect(strongestRelation(state())).toEqual({ heads: [best.head], relationTo: best.index });
  });
});

describe("exports of contexts with a relation", () => {
  it("name both ends, in CSV and JSON", async () => {
    const { controller, state, host } = await pinned();
    controller.update({ relationTo: TARGET });
    await until(state, (s) => s.result !== null && "weight" in s.result);
    const { header, rows } = hitsTable(state().result?.hits ?? []);
    const first = Object.fromEntries(header.map((name, i) => [name, rows[0][i]]));
    const hit = state().result?.hits[0];
    expect(first).toMatchObject({ target: hit?.tokens[hit.target ?? 0].text, targetOffset: -1, targetPos: "PART" });
    for (const { run } of corpusActions(controller, state())) run();
    const saved = host.log.filter(({ what }) => what === "save").map(({ value }) => value as { data: string });
    expect(saved[0].data.split("\r\n")[0]).toMatch(/,target,targetOffset,targetPos,targetDep$/);
    expect(JSON.parse(saved[1].data)[0].target).toBe(hit?.target);
  });

  it("leave the other end empty where tokens alone were searched", async () => {
    const { state } = await pinned();
    const { header, rows } = hitsTable(state().result?.hits ?? []);
    expect(rows[0][header.indexOf("target")]).toBe(null);
    expect(rows[0][header.indexOf("targetOffset")]).toBe(null);
  });
});
