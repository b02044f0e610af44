// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { MINI } from "../../dev/synthetic";
import { isStale } from "../../src/app";
import { fittingHeads, fittingLayer } from "../../src/control/fitting";
import { headNames, passKey, pinnable } from "../../src/control/passes";
import { shortened } from "../../src/logic/format";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import type { AblateHeadsParams } from "../../src/protocol";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape the din of her city.";
const views: MountedView[] = [];

function mounted(options: FixtureOptions = {}) {
  const host = new FixtureHost(options);
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = <P,>(what: string) => host.log.filter((one) => one.what === what).map((one) => one.value as P);
  return { host, element, controller, state: () => controller.store.get(), asked };
}

async function loaded(options: FixtureOptions = {}) {
  const all = mounted(options);
  all.host.selections.fire({ input: { text: TEXT }, label: "notes.md:1" });
  await until(all.state, (s) => s.capture !== null && s.layer !== null && s.corpora !== null);
  return all;
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("a pass without a head", () => {
  it("is kept by the server and read from there, and the whole one stays within reach", async () => {
    const { controller, state, asked, element } = await loaded();
    const whole = state().capture?.id;
    controller.setWithout([{ layer: 1, head: 9 }], "zero");
    await until(state, (s) => s.capture !== null && s.capture.id !== s.capture.whole);
    expect(asked<AblateHeadsParams>("ablateHeads")).toEqual([
      { captureId: state().capture?.whole, heads: [{ layer: 1, head: 9 }], mode: "zero", keep: true, topK: 0 },
    ]);
    expect(state().capture?.whole).not.toBe(whole);
    const bar = await until(
      () => element.querySelector(".frame-note"),
      (note) => note !== null,
    );
    expect(bar?.textContent).toContain("Head 1.9 gives zero instead of its output");
    bar?.querySelector("button")?.click();
    await until(state, (s) => s.capture !== null && s.capture.id === s.capture.whole && !isStale(s));
    expect(state().view.without).toEqual([]);
  });

  it("is measured against the whole model, whose heads are all on", async () => {
    const { controller, state, asked } = await loaded();
    controller.setWithout([{ layer: 1, head: 9 }], "mean");
    await until(state, (s) => s.capture !== null && s.capture.id !== s.capture.whole);
    controller.update({ pane: "effect" });
    await until(state, (s) => s.effects !== null);
    expect(asked<AblateHeadsParams>("ablateHeads").at(-1)).toMatchObject({ captureId: state().capture?.whole });
  });

  it("travels in a link, and ends with another text or model", async () => {
    const { controller, state, host } = await loaded();
    controller.setWithout([{ layer: 1, head: 9 }], "mean");
    const other = mounted();
    expect(other.controller.paste(controller.link())).toBe(true);
    await until(other.state, (s) => s.capture !== null && s.capture.id !== s.capture.whole);
    host.selections.fire({ input: { text: "Another." }, label: "" });
    expect(state().view.without).toEqual([]);
  });
});

describe("what stands under the name of another text or model", () => {
  it("is dimmed, and said whose it is, until the new one is read", async () => {
    const { host, element, state } = await loaded();
    host.delay = 60;
    host.selections.fire({ input: { text: "Another text." }, label: "" });
    expect(isStale(state())).toBe(true);
    const note = await until(
      () => element.querySelector(".frame-note")?.textContent,
      (text) => text !== undefined,
    );
    expect(note).toContain("Still shown, dimmed: “The girl ran to a local");
    expect(element.querySelector(".panes.stale")).not.toBe(null);
    await until(state, (s) => !isStale(s));
    await until(
      () => element.querySelector(".panes.stale"),
      (stale) => stale === null,
    );
  });

  it("stays dimmed when the model cannot be read", async () => {
    const { host, controller, state, element } = await loaded();
    host.errors.attend = { code: -33001, message: "model not found" };
    controller.setModel("nowhere");
    await until(state, (s) => s.attend.phase === "failed");
    expect(isStale(state())).toBe(true);
    await until(
      () => element.querySelector(".frame-note")?.textContent,
      (text) => text?.includes("read by all-MiniLM-L6-v2") === true,
    );
  });

  it("is not said of another layer, nor of what a link restores", async () => {
    const { host, controller, state } = await loaded();
    host.delay = 40;
    controller.setLayer(3);
    expect(isStale(state())).toBe(false);
    controller.restore({ ...state().view, input: { text: "Another." } });
    expect(isStale(state())).toBe(false);
  });
});

describe("choices that no longer apply", () => {
  it("give way to all heads where none is left, and say so until that is dismissed", async () => {
    const { host, controller, state, element } = await loaded({ made: { ...MINI, nHeads: 16 } });
    controller.setHeads([13, 15]);
    host.made = MINI;
    controller.setModel("smaller");
    await until(state, (s) => s.capture?.model.nHeads === 12);
    expect(state().view.heads).toBe(null);
    const note = await until(
      () => element.querySelector(".frame-note"),
      (one) => one?.textContent?.includes("no heads 13, 15") === true,
    );
    expect(note?.textContent).toContain("All heads are shown.");
    note?.querySelector("button")?.click();
    await until(
      () => element.querySelector(".frame-note"),
      (one) => one === null,
    );
  });

  it("keep the heads that exist, and none at all where none was chosen", () => {
    expect(fittingHeads([3, 15], 12)).toEqual({
      heads: [3],
      fallback: "This model has 12 heads a layer and no head 15. The other chosen heads are shown.",
    });
    expect(fittingHeads([], 12)).toEqual({ heads: [], fallback: null });
    expect(fittingHeads(null, 12)).toEqual({ heads: null, fallback: null });
  });

  it("show the nearest layer that attends in a hybrid model, whose other layers cannot be chosen", async () => {
    const plain = composeState(PANES).initial;
    const { state, element } = await loaded({ state: plain, made: { ...MINI, attentionLayers: [2, 5] } });
    expect(state().view.layer).toBe(2);
    expect(state().fallbacks).toEqual(["Layer 0 of this model has no attention. Layer 2 is shown."]);
    await until(state, (s) => s.thumbnails[2] !== null && s.thumbnails[5] !== null);
    expect(state().thumbnails.map((one) => one !== null)).toEqual([false, false, true, false, false, true]);
    const buttons = await until(
      () => [...element.querySelectorAll<HTMLButtonElement>('[aria-label="layer"] button')],
      (all) => all.length === 6,
    );
    expect(buttons.map(({ disabled }) => disabled)).toEqual([true, true, false, true, true, false]);
    expect(fittingLayer(9, [0, 1, 2])).toEqual({ layer: 2, fallback: null });
  });

  it("show all segments of a text that has one", async () => {
    const { host, controller, state } = mounted();
    host.selections.fire({ input: { text: "One here.", textPair: "Two there." }, label: "" });
    await until(state, (s) => s.capture !== null);
    controller.update({ segments: "AB" });
    host.selections.fire({ input: { text: TEXT }, label: "" });
    await until(state, (s) => s.capture?.text === TEXT);
    expect(state().view.segments).toBe("all");
    expect(state().fallbacks.join()).toContain("one segment");
  });
});

describe("another text", () => {
  it("leads from a pane about a pinned token to the attention pane, and leaves those about the text in place", async () => {
    const { host, controller, state } = await loaded();
    for (const [before, after] of [
      ["summary", "attention"],
      ["corpus", "attention"],
      ["heads", "attention"],
      ["effect", "effect"],
      ["compare", "compare"],
    ]) {
      controller.update({ pane: before });
      host.selections.fire({ input: { text: `${before} text` }, label: "" });
      expect(state().view.pane).toBe(after);
    }
  });
});

describe("a pass", () => {
  it("is the same whatever it is called, and its mode counts only where a head is off", () => {
    const { initial } = composeState(PANES);
    const pass = { ...initial, input: { text: "a" } };
    expect(passKey({ ...pass, label: "x" })).toBe(passKey(pass));
    expect(passKey({ ...pass, withoutMode: "zero" })).toBe(passKey(pass));
    const without = [{ layer: 1, head: 2 }];
    expect(passKey({ ...pass, without, withoutMode: "zero" })).not.toBe(passKey({ ...pass, without }));
    expect(headNames([...without, { layer: 3, head: 4 }])).toBe("heads 1.2, 3.4");
  });

  it("is pinned with its text and model written out", async () => {
    const { host, controller, state } = mounted();
    const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } };
    host.selections.fire({ input: { textDocument: { uri: "file:///a.md" }, range }, label: "a.md:1" });
    const { capture } = await until(state, (s) => s.capture !== null);
    if (capture === null) throw new Error("nothing was read");
    expect(pinnable(capture)).toMatchObject({ input: { text: capture.text }, model: "all-MiniLM-L6-v2" });
    expect(controller.link().length).toBeGreaterThan(10);
  });

  it("is called by the ends of a long text", () => {
    expect(shortened("  a\nb ")).toBe("a b");
    const short = shortened("x".repeat(60) + "y".repeat(60), 21);
    expect(short).toBe(`${"x".repeat(10)}…${"y".repeat(10)}`);
  });
});

describe("a view where nothing was kept", () => {
  it("lists sentences once; a link that leaves that out means all of them, as it always did", async () => {
    const { state, controller } = mounted();
    expect(state().view.distinct).toBe(true);
    const { initial, read } = composeState(PANES);
    expect(initial.distinct).toBe(false);
    expect(read({ version: 1, layer: 2 })?.distinct).toBe(false);
    expect(composeState(PANES).parse(controller.link())?.distinct).toBe(true);
    controller.update({ distinct: false });
    controller.reset();
    expect(state().view.distinct).toBe(true);
  });
});
