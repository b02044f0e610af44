// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { RecordedHost } from "../../dev/recordedHost";
import { describeModel, layerValues, MINI, type Synthetic, tokenize } from "../../dev/synthetic";
import { profileHeads } from "../../dev/syntheticHeads";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { type Clarity, claritiesIn, claritiesOf, clearest } from "../../src/panes/attention/first/clarity";
import { EXAMPLE } from "../../src/panes/attention/first/example";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape her surroundings.";
const views: MountedView[] = [];

function mounted(options: FixtureOptions = {}, Host: typeof FixtureHost = FixtureHost) {
  const host = new Host(options);
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  return { host, element, controller, state: () => controller.store.get() };
}

const explore = (host: FixtureHost, text = TEXT) => host.selections.fire({ input: { text }, label: "notes.md:1" });

const button = (element: HTMLElement, text: string) =>
  until(
    () => [...element.querySelectorAll<HTMLButtonElement>("button")].find((one) => one.textContent === text),
    (one) => one !== undefined,
  ) as Promise<HTMLButtonElement>;

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

/** By the definition, row by row and cell by cell. */
function slowly(made: Synthetic, layer: number, head: number): Pick<Clarity, "rest" | "entropy"> {
  const tokens = tokenize(made, TEXT, null, []);
  const n = tokens.length;
  const causal = made.kind === "autoregressive";
  const values = layerValues(layer, made.nHeads, n, n, causal);
  const rests: number[] = [];
  const entropies: number[] = [];
  const isRest = (k: number) => tokens[k].isSpecial || (causal && k === 0);
  for (let q = 0; q < n; q++) {
    const targets = [...Array(n).keys()].filter((k) => !isRest(k) && k !== q && !(causal && k > q));
    if (isRest(q) || targets.length < 3) continue;
    const weights = targets.map((k) => values[(head * n + q) * n + k]);
    const sum = weights.reduce((a, b) => a + b, 0);
    rests.push(1 - sum);
    entropies.push(-weights.reduce((a, w) => a + (w / sum) * Math.log(w / sum), 0) / Math.log(targets.length));
  }
  const mean = (all: number[]) => all.reduce((a, b) => a + b, 0) / all.length;
  return { rest: mean(rests), entropy: mean(entropies) };
}

const GPT: Synthetic = { ...MINI, kind: "autoregressive", maskToken: null };

describe("the clearest head", () => {
  it.each([MINI, GPT])("is the one with the least entropy of what goes to other words: $kind", (made) => {
    const tokens = tokenize(made, TEXT, null, []);
    const n = tokens.length;
    const causal = made.kind === "autoregressive";
    const values = layerValues(2, made.nHeads, n, n, causal);
    const heads = Array.from({ length: made.nHeads }, (_, i) => i);
    const found = claritiesOf(2, { heads, nQueries: n, nKeys: n, values }, tokens, causal);
    for (const { head, rest, entropy } of found) {
      const expected = slowly(made, 2, head);
      expect(rest).toBeCloseTo(expected.rest, 5);
      expect(entropy).toBeCloseTo(expected.entropy, 5);
    }
    const awake = found.filter(({ rest }) => rest <= 0.5);
    expect(awake.length).toBeGreaterThan(0);
    expect(clearest(found)?.entropy).toBe(Math.min(...awake.map(({ entropy }) => entropy)));
  });

  it("is never one that rests on a delimiter or on the token itself, unless all do", () => {
    const at = (head: number, rest: number, entropy: number): Clarity => ({ layer: 0, head, rest, entropy });
    expect(clearest([at(0, 0.9, 0), at(1, 0.4, 0.7), at(2, 0.5, 0.3)])?.head).toBe(2);
    expect(clearest([at(0, 0.9, 0), at(1, 0.8, 0.7)])?.head).toBe(1);
    expect(clearest([])).toBe(null);
    const [one] = profileHeads({ corpus: "brown" }, describeModel(MINI)).heads;
    const itself = { offset: 0, mass: 0.6, share: 0.6 };
    expect(claritiesIn([{ ...one, special: 0.1, firstToken: 0.05, offsets: [itself] }])[0].rest).toBeCloseTo(0.7, 6);
  });
});

describe("the first picture of an unknown model", () => {
  it("opens at one head, says why, and shows all heads at a click", async () => {
    const { host, element, state } = mounted({ corpora: [] });
    explore(host);
    await until(state, (s) => s.view.heads !== null);
    const { layer, heads, firstLook } = state().view;
    expect(heads?.length).toBe(1);
    expect(firstLook).toEqual({ model: "all-MiniLM-L6-v2", layer, head: heads?.[0] });
    await until(
      () => element.querySelector(".opened-note")?.textContent ?? "",
      (note) => note.includes(`head ${layer}.${heads?.[0]}`) && note.includes("in this text"),
    );
    (await button(element, "show all heads")).click();
    expect(state().view).toMatchObject({ layer, heads: null, firstLook: null });
    await until(
      () => element.querySelector(".opened-note"),
      (note) => note === null,
    );
  });

  it("opens at the head that the profile of the corpus names", async () => {
    const { host, element, state } = mounted();
    await until(state, (s) => s.view.corpus === "brown");
    explore(host);
    await until(state, (s) => s.view.heads !== null);
    const { heads } = profileHeads({ corpus: "brown" }, describeModel(MINI));
    const best = clearest(claritiesIn(heads));
    expect(state().view).toMatchObject({ layer: best?.layer, heads: [best?.head] });
    await until(
      () => element.querySelector(".opened-note")?.textContent ?? "",
      (note) => note.includes("in “brown”"),
    );
  });

  it("is chosen from the text where the corpus has no profile", async () => {
    const error = { code: -33004, message: "built by an earlier version" };
    const { host, state } = mounted({ errors: { profileHeads: error } });
    await until(state, (s) => s.view.corpus === "brown");
    explore(host);
    await until(state, (s) => s.view.heads !== null);
    expect(state().view.firstLook).not.toHaveProperty("corpus");
  });

  it("leaves the choices of a person, of a link and of an earlier version alone", async () => {
    const read = (s: { thumbnails: readonly unknown[] }) => s.thumbnails.length > 0 && !s.thumbnails.includes(null);
    const linked = mounted({ corpora: [], state: { version: 1, input: { text: TEXT } } });
    await until(linked.state, read);
    const chosen = mounted({ corpora: [] });
    chosen.controller.update({ layer: 3, heads: [1, 2] });
    explore(chosen.host);
    await until(chosen.state, read);
    const meanwhile = mounted({ corpora: [], delay: 20 });
    explore(meanwhile.host);
    await until(meanwhile.state, (s) => s.layer !== null);
    meanwhile.controller.setLayer(1);
    await until(meanwhile.state, read);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(linked.state().view).toMatchObject({ layer: 0, heads: null });
    expect(chosen.state().view).toMatchObject({ layer: 3, heads: [1, 2] });
    expect(meanwhile.state().view).toMatchObject({ layer: 1, heads: null });
  });

  it("stays with the same model, and is chosen again for another one", async () => {
    const { host, controller, state } = mounted({ corpora: [] });
    explore(host);
    await until(state, (s) => s.view.heads !== null);
    const { layer, heads } = state().view;
    explore(host, "Nobody knew why she was late to the quiet harbour town.");
    await until(state, (s) => s.capture?.text.startsWith("Nobody") === true && !s.thumbnails.includes(null));
    expect(state().view).toMatchObject({ layer, heads });
    host.made = GPT;
    controller.setModel("SmolLM2-135M");
    await until(
      state,
      ({ view: { firstLook } }) => typeof firstLook === "object" && firstLook?.model === "SmolLM2-135M",
    );
    expect(state().view.heads?.length).toBe(1);
  });
});

describe("the empty view", () => {
  it("says what can be seen, and shows an example with a head and a pinned token", async () => {
    const { element, state } = mounted({}, RecordedHost);
    await until(state, (s) => s.corpora !== null);
    expect([...element.querySelectorAll(".welcome dt")].map((one) => one.textContent)).toEqual([
      "Attention",
      "Contexts",
      "Summary",
    ]);
    (await button(element, "Try an example")).click();
    await until(state, (s) => s.result !== null && s.layer !== null);
    expect(state().capture?.text).toBe(EXAMPLE.text);
    expect(state().view).toMatchObject({ layer: 2, heads: [11] });
    expect(element.querySelector(".opened-note")?.textContent).toContain("from a verb");
    const { pinned } = state().view;
    expect(state().capture?.tokens[pinned?.token ?? -1].text).toBe("escape");
  });

  it("shows the clearest head of the example where the model is another one", async () => {
    const { element, state } = mounted({ made: GPT, corpora: [] });
    (await button(element, "Try an example")).click();
    await until(state, (s) => s.view.heads !== null);
    expect(state().view.firstLook).toMatchObject({ model: "SmolLM2-135M" });
    expect(state().capture?.tokens[state().view.pinned?.token ?? -1].text).toBe("escape");
  });

  it("pins the token of the example once only", async () => {
    const { controller, element, state } = mounted({ corpora: [] });
    (await button(element, "Try an example")).click();
    await until(state, (s) => s.view.pinned !== null);
    controller.unpin();
    await controller.reload();
    expect(state().view.pinned).toBe(null);
  });

  it("is kept apart from links, which mean what they say", () => {
    const { initial, fresh } = composeState(PANES);
    expect([initial.firstLook, fresh.firstLook]).toEqual([null, "wanted"]);
  });
});
