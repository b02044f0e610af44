// @vitest-environment happy-dom
/** What is shown as one, a token or a word, is what is searched, named, masked and colored. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { FixtureHost } from "../../dev/fixtureHost";
import { nameOf, queryTokens } from "../../src/app";
import type { Coloring } from "../../src/host";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { describe as describeRow } from "../../src/panes/attention/ui/tokenView";
import { effectQuestion } from "../../src/panes/effect/measurer";
import type { SearchParams } from "../../src/protocol";
import { makeToy } from "./toyPane";
import { until } from "./wait";

/** "surroundings" is cut in two. */
const TEXT = "The girl ran to a local pub to escape her surroundings.";
const views: MountedView[] = [];

class ColoringHost extends FixtureHost {
  readonly colors: (Coloring | null)[] = [];
  color(coloring: Coloring | null) {
    this.colors.push(coloring);
  }
}

async function mounted(view: object) {
  const host = new ColoringHost({ state: { version: 1, input: { text: TEXT }, ...view } });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const state = () => controller.store.get();
  await until(state, (s) => s.capture !== null && s.layer !== null && s.corpora !== null);
  const { tokens } = state().capture ?? { tokens: [] };
  const parts = tokens.filter((one) => one.word === 10).map(({ index }) => index);
  expect(parts.map((i) => tokens[i].text).join("")).toBe("surroundings");
  expect(parts.length).toBe(2);
  const searches = () =>
    host.log.filter((one) => one.what === "searchContexts").map((one) => one.value as SearchParams);
  return { host, element, controller, state, parts, searches };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("a pinned word", () => {
  it("is searched as a whole where words are shown, whichever of its tokens is pinned", async () => {
    const { controller, state, parts, searches } = await mounted({ words: true });
    for (const token of parts) {
      controller.update({ pinned: { side: "left", token } });
      expect(queryTokens(state()).map(({ index }) => index)).toEqual(parts);
    }
    await until(state, (s) => s.result !== null);
    expect(searches()).toHaveLength(1);
    expect(searches()[0].tokens).toEqual(parts);
    expect("token" in searches()[0]).toBe(false);
  });

  it("waits at most 40 ms for its search after a click", async () => {
    const { controller, parts, searches } = await mounted({ pinned: null });
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      controller.pin({ side: "left", token: parts[0] });
      vi.advanceTimersByTime(40);
      expect(searches()).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("gives way to its pinned token where tokens are shown", async () => {
    const { controller, state, parts, searches } = await mounted({ words: true, pinned: null });
    controller.update({ words: false, pinned: { side: "left", token: parts[0] } });
    await until(state, (s) => s.result !== null);
    expect(searches()[0].token).toBe(parts[0]);
    expect("tokens" in searches()[0]).toBe(false);
  });

  it("is named whole in titles, in the inspector, by screen readers and in saved pictures", async () => {
    const { host, element, controller, state, parts } = await mounted({ words: true });
    controller.update({ pinned: { side: "left", token: parts[0] } });
    await until(state, (s) => s.result !== null && s.summary !== null);
    expect(controller.queryName()).toBe("surroundings");
    expect(element.querySelector("#exbert-corpus")?.textContent).toBe("Contexts like “surroundings”");
    expect(element.querySelector("#exbert-attention + .muted")?.textContent).toContain("“surroundings” pinned");
    expect(element.querySelector(".inspector-token")?.textContent).toBe("surroundings");
    expect(describeRow(state().capture?.tokens ?? [], { tokens: parts })).toMatch(/^“surroundings”, /);
    const save = controller.panes.flatMap(({ actions }) => actions?.(controller, state()) ?? []);
    save.find(({ text }) => text === "Save summary as SVG")?.run();
    const saved = host.log.find(({ what }) => what === "save")?.value as { data: string };
    expect(saved.data).toContain("Contexts like “surroundings”");
  });

  it("is masked whole", async () => {
    const { element, controller, state, parts } = await mounted({ words: true });
    controller.update({ pinned: { side: "left", token: parts[1] } });
    await until(
      () => element.querySelector(".inspector-actions")?.textContent,
      (text) => text === "unpinmask",
    );
    [...element.querySelectorAll<HTMLButtonElement>(".inspector-actions button")]
      .find((one) => one.textContent === "mask")
      ?.click();
    expect(state().view.mask).toEqual(parts);
  });

  it("is colored whole in the document, with the mean of its rows", async () => {
    const { host, controller, state, parts } = await mounted({ words: true, heads: [1] });
    controller.update({ pinned: { side: "left", token: parts[0] } });
    await until(
      () => host.colors.at(-1)?.pinned ?? null,
      (pinned) => pinned !== null && pinned !== undefined,
    );
    const coloring = host.colors.at(-1);
    expect(TEXT.slice(coloring?.pinned?.start, coloring?.pinned?.end)).toBe("surroundings");
    const { layer, capture } = state();
    if (layer === null || capture === null) throw new Error("nothing is read");
    const n = layer.nKeys;
    const mean = (key: number) => parts.reduce((sum, at) => sum + layer.values[(n + at) * n + key] / parts.length, 0);
    const keys = capture.tokens.filter(({ isSpecial }) => !isSpecial).map(({ index }) => index);
    const most = Math.max(...keys.map(mean));
    coloring?.spans.forEach(({ share }, i) => expect(share).toBeCloseTo(mean(keys[i]) / most, 5));
  });

  it("of a model that reads from left to right is asked what follows at its last token", async () => {
    const { controller, state, parts } = await mounted({ words: true });
    controller.update({ pinned: { side: "left", token: parts[0] } });
    const { capture, view } = state();
    if (capture === null) throw new Error("nothing is read");
    const model = { ...capture.model, kind: "autoregressive", hasLmHead: true } as const;
    const question = effectQuestion({ capture: { ...capture, model }, view });
    expect(question?.params).toMatchObject({ target: { token: parts[1] } });
  });

  it("is the same one behind a copied link", async () => {
    const { controller, parts } = await mounted({ words: true });
    controller.update({ pinned: { side: "left", token: parts[0] } });
    const link = controller.link();
    controller.update({ words: false, pinned: null });
    expect(controller.paste(link)).toBe(true);
    const { view } = controller.store.get();
    expect([view.words, view.pinned]).toEqual([true, { side: "left", token: parts[0] }]);
  });

  it("is named as it was written where it is masked", () => {
    const masked = { text: " surround", token: "[MASK]", isMasked: true, isSpecial: false };
    expect(nameOf([masked, { ...masked, text: "ings" }] as never)).toBe("surroundings");
  });
});
