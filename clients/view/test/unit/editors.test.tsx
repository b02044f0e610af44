// @vitest-environment happy-dom
/** What the view tells its editor, and what the editor tells the view. */
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import type { Choice, Coloring, InUse, Location } from "../../src/host";
import { isChanged, locationOf, plainUri } from "../../src/logic/places";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape her surroundings.";
const views: MountedView[] = [];

/** A host that listens to everything. */
class EditorHost extends FixtureHost {
  readonly uses: { readonly use: InUse; readonly chosen: boolean }[] = [];
  readonly colors: (Coloring | null)[] = [];
  dismissals = 0;
  choose: (choice: Choice) => void = () => undefined;
  change: (uri: string) => void = () => undefined;
  onChoice(callback: (choice: Choice) => void) {
    this.choose = callback;
    return { dispose: () => undefined };
  }
  onDocumentChange(callback: (uri: string) => void) {
    this.change = callback;
    return { dispose: () => undefined };
  }
  inUse(use: InUse, chosen: boolean) {
    this.uses.push({ use, chosen });
  }
  color(coloring: Coloring | null) {
    this.colors.push(coloring);
  }
  dismissed() {
    this.dismissals++;
  }
}

function mounted(view: object = {}, options: FixtureOptions = {}) {
  const host = new EditorHost({ state: { version: 1, input: { text: TEXT }, ...view }, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  return { host, element, controller, state: () => controller.store.get() };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const button = (element: Element, text: RegExp) =>
  [...element.querySelectorAll("button")].find((one) => text.test(one.textContent ?? ""));

describe("the model in use", () => {
  it("is told to the editor at each change, and as chosen where a person picked it", async () => {
    const { host, controller, state } = mounted();
    await until(state, (s) => s.capture !== null && s.corpora !== null);
    const [capture, corpus] = [state().capture, state().view.corpus];
    expect(host.uses.at(-1)).toEqual({ use: { model: capture?.model.id, corpus }, chosen: false });
    controller.chooseModel("other");
    expect(host.uses.at(-1)).toEqual({ use: { model: "other", corpus }, chosen: true });
    const told = host.uses.length;
    controller.setLayer(1);
    expect(host.uses.length, "nothing that concerns it has changed").toBe(told);
  });

  it("that is not the corpus's offers both ways out", async () => {
    const error = { code: -33004, message: "of another model", data: { kind: "corpusMismatch" } };
    const { host, element, controller, state } = mounted(
      { pane: "corpus", pinned: { side: "left", token: 3 } },
      { errors: { searchContexts: error } },
    );
    await until(state, (s) => s.search.phase === "failed" && s.corpora !== null);
    const ours = state().capture?.model.id ?? "";
    controller.store.set({ corpora: state().corpora?.map((one) => ({ ...one, model: "theirs" })) ?? null });
    await until(state, () => button(element, /^Use theirs$/) !== undefined);
    button(element, new RegExp(`Index this with .*${ours.split("/").pop()}`))?.click();
    expect(host.log.at(-1)).toEqual({
      what: "command",
      value: "indexFolder",
      subject: { corpus: state().view.corpus },
    });
    button(element, /^Use theirs$/)?.click();
    expect(state().view.model).toBe("theirs");
    expect(host.uses.at(-1)?.chosen).toBe(true);
  });

  it("stands behind each corpus of the list", async () => {
    const { element, state } = mounted();
    await until(state, (s) => s.corpora !== null && s.corpora.length > 0);
    const list = () => [...element.querySelectorAll(".pickers option")].map((one) => one.textContent);
    await until(state, () => list().some((name) => name?.includes("tokens")));
    const names = list();
    for (const { corpus, model } of state().corpora ?? []) {
      const shown = names.find((name) => name?.startsWith(`${corpus} ·`));
      expect(shown).toContain(model.split("/").pop());
    }
  });
});

describe("hits in documents that change", () => {
  const pinned = { pane: "corpus", ownSentence: true, pinned: { side: "left", token: 3 } };

  it("are marked as soon as the editor says so, in whatever spelling, until the corpus is built again", async () => {
    const { host, element, state } = mounted(pinned);
    await until(state, (s) => s.result?.hits.some((hit) => !hit.stale) === true);
    const marks = () => element.querySelectorAll(".hit .stale").length;
    const fresh = state().result?.hits.find((hit) => !hit.stale);
    await until(state, () => element.querySelector(".hit") !== null);
    const before = marks();
    host.change(encodeURI(plainUri(fresh?.document ?? "")));
    await until(state, () => marks() > before);
    expect(state().result?.hits.filter((hit) => isChanged(hit, state().changed)).length).toBeGreaterThan(before);
    host.choose({ corpus: state().view.corpus ?? "" });
    expect(state().changed).toEqual([]);
  });

  it("are opened with what stood there", async () => {
    const { host, element, state } = mounted(pinned);
    await until(state, (s) => s.result !== null);
    await until(state, () => element.querySelector(".hit .source") !== null);
    element.querySelector<HTMLElement>(".hit .source")?.click();
    const { value } = host.log.filter(({ what }) => what === "openLocation").at(-1) as { value: Location };
    const { text, start, end } = value.expected ?? { text: "", start: 0, end: 0 };
    const [hit] = state().result?.hits ?? [];
    expect(text).toBe(hit.sentence.text);
    expect(text.slice(start, end)).toBe(hit.tokens[hit.match].text.trim());
    expect(value).toEqual(locationOf(hit, []));
  });

  it("are known by their uri, whatever its editor escapes", () => {
    expect(plainUri("file:///c%3A/a%20b.md")).toBe(plainUri("file:///c:/a b.md"));
    expect(plainUri("file:///100%.md")).toBe("file:///100%.md");
  });
});

describe("what the editor may color", () => {
  it("is the mean attention of the pinned token over the chosen heads, relative to the strongest", async () => {
    const { host, controller, state } = mounted({ heads: [0, 2] });
    await until(state, (s) => s.layer !== null);
    expect(host.colors).toEqual([]);
    const at = 3;
    controller.pin({ side: "left", token: at });
    const { capture, layer } = state();
    if (capture === null || layer === null) throw new Error("nothing was read");
    const { nKeys, nQueries, values } = layer;
    const weight = (key: number) => (values[at * nKeys + key] + values[(2 * nQueries + at) * nKeys + key]) / 2;
    const words = capture.tokens.filter(({ isSpecial }) => !isSpecial);
    const most = Math.max(...words.map(({ index }) => weight(index)));
    const coloring = host.colors.at(-1);
    expect(coloring?.text).toBe(TEXT);
    expect(coloring?.spans.map(({ start, end }) => TEXT.slice(start, end))).toEqual(
      words.map(({ text }) => text.trim()),
    );
    words.forEach(({ index }, i) => expect(coloring?.spans[i].share).toBeCloseTo(weight(index) / most, 6));
    expect(TEXT.slice(coloring?.pinned?.start, coloring?.pinned?.end)).toBe(capture.tokens[at].text.trim());
  });

  it("stands in the Markdown that was read as prose", async () => {
    const source = "The **girl** ran to a [local pub](https://e.org) to _escape_ her surroundings.";
    const { host, controller, state } = mounted({ source, asProse: true, heads: [0] });
    await until(state, (s) => s.layer !== null);
    const { capture } = state();
    const girl = capture?.tokens.find(({ text }) => text.trim() === "girl");
    controller.pin({ side: "left", token: girl?.index ?? -1 });
    const coloring = host.colors.at(-1);
    expect(coloring?.text).toBe(source);
    const words = capture?.tokens.filter(({ isSpecial }) => !isSpecial).map(({ text }) => text.trim());
    expect(coloring?.spans.map(({ start, end }) => source.slice(start, end))).toEqual(words);
    expect(source.slice(coloring?.pinned?.start, coloring?.pinned?.end)).toBe("girl");
  });

  it("is where attention comes from when a token on the right is pinned, and nothing when none is", async () => {
    const { host, controller, state } = mounted({ heads: [1] });
    await until(state, (s) => s.layer !== null);
    controller.pin({ side: "right", token: 2 });
    const { layer } = state();
    if (layer === null) throw new Error("nothing was read");
    const { nKeys, nQueries, values } = layer;
    const words = state().capture?.tokens.filter(({ isSpecial }) => !isSpecial) ?? [];
    const from = words.map(({ index }) => values[(nQueries + index) * nKeys + 2]);
    const shares = host.colors.at(-1)?.spans.map(({ share }) => share) ?? [];
    from.forEach((weight, i) => expect(shares[i]).toBeCloseTo(weight / Math.max(...from), 6));
    controller.unpin();
    expect(host.colors.at(-1)).toBeNull();
  });
});

describe("a banner that was dismissed", () => {
  it("is reported to the editor, which repeats it to later pages otherwise", async () => {
    const { host, element, state } = mounted();
    host.events.fire({ kind: "restarted" });
    await until(state, () => button(element, /^dismiss$/) !== undefined);
    button(element, /^dismiss$/)?.click();
    expect(host.dismissals).toBe(1);
    expect(state().server).toBeNull();
  });
});
