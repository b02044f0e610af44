import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { MINI } from "../../dev/synthetic";
import { Controller } from "../../src/control/controller";
import { PANES } from "../../src/panes";
import type { AttendParams, SearchParams } from "../../src/protocol";
import { composeState } from "../../src/state";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape the din of her city.";
const { initial: INITIAL, read: readViewState } = composeState(PANES);
const running: Controller[] = [];

function start(options: FixtureOptions = {}) {
  const host = new FixtureHost(options);
  const controller = new Controller(host, PANES);
  running.push(controller);
  controller.start();
  const state = () => controller.store.get();
  const asked = (what: string) => host.log.filter((one) => one.what === what).map((one) => one.value);
  return { host, controller, state, asked };
}

async function loaded(options: FixtureOptions = {}, text = TEXT) {
  const all = start(options);
  all.host.selections.fire({ input: { text }, label: "notes.md:1" });
  await until(
    all.state,
    (s) => s.capture !== null && s.layer !== null && s.thumbnails.every((one) => one !== null) && s.corpora !== null,
  );
  return all;
}

afterEach(() => {
  for (const controller of running.splice(0)) controller.dispose();
});

describe("a selection", () => {
  it("is read, its layer shown, and every head's thumbnail made", async () => {
    const { state, asked } = await loaded();
    expect(state().capture?.tokens.length).toBe(17);
    expect(state().thumbnails.length).toBe(6);
    expect((asked("attend")[0] as AttendParams).layers).toEqual([0]);
    expect((asked("attend")[1] as AttendParams).captureId).toBe(state().capture?.id);
  });

  it("that comes while another is read wins, and the other's request is aborted", async () => {
    const { host, state, asked } = start({ delay: 60 });
    host.selections.fire({ input: { text: "first" }, label: "" });
    await until(
      () => asked("attend").length,
      (n) => n === 1,
    );
    host.selections.fire({ input: { text: "the second one" }, label: "" });
    await until(state, (s) => s.capture !== null);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(state().capture?.text).toBe("the second one");
    expect(state().attend.phase).toBe("idle");
  });

  it("that fails shows the server's message and hint, and works again after a retry", async () => {
    const { host, controller, state } = start({
      errors: { attend: { code: -33006, message: "too long", data: { kind: "textTooLong", hint: "less" } } },
    });
    host.selections.fire({ input: { text: TEXT }, label: "" });
    const failed = await until(
      () => state().attend,
      (status) => status.phase === "failed",
    );
    expect(failed).toMatchObject({ error: { message: "too long", data: { hint: "less" } } });
    host.errors = {};
    expect(await controller.reload()).toBe(true);
    expect(state().attend.phase).toBe("idle");
  });
});

describe("layers and heads", () => {
  it("of a deeper model fall back to what a shallower one has", async () => {
    const { host, controller, state } = await loaded({ made: { ...MINI, nLayers: 12, nHeads: 16 } });
    controller.setLayer(11);
    controller.setHeads([3, 15]);
    await until(state, (s) => s.layerShown === 11);
    host.made = MINI;
    controller.setModel("shallow");
    await until(state, (s) => s.capture?.model.nLayers === 6 && s.layer !== null);
    expect(state().view.layer).toBe(5);
    expect(state().view.heads).toEqual([3]);
    expect(state().layer?.heads.length).toBe(12);
  });

  it("change without a request once all layers of a short text are here", async () => {
    const { controller, state, asked } = await loaded();
    const before = asked("attend").length;
    for (const layer of [3, 5, 1]) {
      controller.setLayer(layer);
      expect(state().layerShown).toBe(layer);
    }
    expect(asked("attend").length).toBe(before);
  });

  it("toggle from all to all but one and back to all", async () => {
    const { controller, state } = await loaded({ state: INITIAL });
    controller.toggleHead(4);
    expect(state().view.heads).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
    controller.toggleHead(4);
    expect(state().view.heads).toBe(null);
    controller.setHeads([]);
    controller.toggleHead(7);
    expect(state().view.heads).toEqual([7]);
  });
});

describe("a text too long for the finest answer", () => {
  it("is asked for in bytes", async () => {
    const { host, state, asked } = start();
    const real = host.request.bind(host);
    host.request = (async (method: "attend", params: AttendParams, options: object) => {
      if (method === "attend" && params.tensors === "float16") {
        host.log.push({ what: "refused", value: params });
        throw { code: -33007, message: "too large", data: { kind: "answerTooLarge", hint: "" } };
      }
      return real(method, params, options);
    }) as typeof host.request;
    host.selections.fire({ input: { text: TEXT }, label: "" });
    await until(state, (s) => s.layer !== null);
    expect((asked("attend")[0] as AttendParams).tensors).toBe("uint8");
    expect(state().attend.phase).toBe("idle");
  });
});

describe("masks", () => {
  it("of several tokens are sent, shown and undone one by one", async () => {
    const { controller, state, asked } = await loaded();
    controller.toggleMask([4]);
    controller.toggleMask([9]);
    await until(state, (s) => s.capture?.tokens[9].isMasked === true && s.capture.tokens[4].isMasked);
    controller.undoMask();
    await until(state, (s) => s.capture?.tokens[9].isMasked === false);
    expect(state().view.mask).toEqual([4]);
    expect(
      asked("attend")
        .map((one) => (one as AttendParams).mask)
        .filter(Boolean),
    ).toEqual([[4], [4, 9], [4]]);
  });

  it("are refused, with the reason, by a model without a mask token", async () => {
    const { controller, state } = await loaded({ made: { ...MINI, maskToken: null } });
    controller.toggleMask([4]);
    expect(state().view.mask).toEqual([]);
    expect(state().notice).toMatch(/no mask token/);
  });
});

describe("a pinned token", () => {
  it("is searched in the corpus with the chosen layer and heads, and its hits are summarized", async () => {
    const { controller, state, asked } = await loaded();
    controller.onlyHead(2, 11);
    controller.pin({ side: "left", token: 9 });
    await until(state, (s) => s.summary !== null);
    expect(asked("searchContexts")).toEqual([
      {
        corpus: "brown",
        captureId: state().capture?.id,
        token: 9,
        space: "headOutput",
        layer: 2,
        weighting: "uniform",
        heads: [11],
        k: 50,
        distinct: true,
      },
    ]);
    expect(state().summary?.searchId).toBe(state().result?.searchId);
  });

  it("asks once for many quick changes, and forgets all when unpinned", async () => {
    const { controller, state, asked } = await loaded();
    controller.pin({ side: "left", token: 9 });
    for (const k of [20, 30, 40]) controller.update({ k });
    await until(state, (s) => s.result !== null);
    expect(asked("searchContexts").map((one) => (one as SearchParams).k)).toEqual([40]);
    controller.unpin();
    expect(state().result).toBe(null);
  });

  it("is not searched when it is a special token or no head is chosen", async () => {
    const { controller, state, asked } = await loaded();
    controller.pin({ side: "left", token: 0 });
    controller.update({ pinned: { side: "left", token: 5 }, heads: [] });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked("searchContexts")).toEqual([]);
    expect(state().search.phase).toBe("idle");
  });

  it("never shows an older search over a newer one", async () => {
    const { host, controller, state, asked } = await loaded();
    controller.pin({ side: "left", token: 9 });
    host.delay = 150;
    await until(
      () => asked("searchContexts").length,
      (n) => n === 1,
    );
    host.delay = 0;
    controller.update({ k: 7 });
    await until(state, (s) => s.result !== null);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(state().result?.hits.length).toBe(7);
  });

  it("is found again after the server has forgotten the text", async () => {
    const { host, controller, state, asked } = await loaded();
    host.forget();
    const real = host.request.bind(host);
    let first = true;
    host.request = (async (method: "searchContexts", params: SearchParams, options: object) => {
      if (method === "searchContexts" && first) {
        first = false;
        throw { code: -33008, message: "expired", data: { kind: "unknownHandle", hint: "" } };
      }
      return real(method, params, options);
    }) as typeof host.request;
    controller.pin({ side: "left", token: 9 });
    await until(state, (s) => s.summary !== null);
    expect(state().search.phase).toBe("idle");
    expect(asked("searchContexts").length).toBe(1);
  });

  it("is given up, with the reason, when the server forgets at once every time", async () => {
    const gone = { code: -33008, message: "expired", data: { kind: "unknownHandle", hint: "" } };
    const { controller, state, asked } = await loaded({ errors: { searchContexts: gone } });
    controller.pin({ side: "left", token: 9 });
    const failed = await until(
      () => state().search,
      (status) => status.phase === "failed",
    );
    expect(failed).toMatchObject({ error: { message: "expired" } });
    expect(asked("searchContexts").length).toBe(3);
  });
});

describe("the host's own pickers", () => {
  it("change model and corpus, and search again although the corpus has kept its name", async () => {
    const host = new FixtureHost();
    let choose: (choice: { model?: string; corpus?: string }) => void = () => undefined;
    const picking = Object.assign(host, {
      onChoice: (callback: typeof choose) => {
        choose = callback;
        return { dispose: () => undefined };
      },
    });
    const controller = new Controller(picking, PANES);
    running.push(controller);
    controller.start();
    const state = () => controller.store.get();
    host.selections.fire({ input: { text: TEXT }, label: "" });
    await until(state, (s) => s.capture !== null && s.corpora !== null);
    controller.pin({ side: "left", token: 9 });
    await until(state, (s) => s.summary !== null);
    choose({ corpus: "brown" });
    await until(
      () => host.log.filter((one) => one.what === "searchContexts").length,
      (n) => n === 2,
    );
    choose({ model: "another" });
    await until(() => host.log.some((one) => (one.value as AttendParams).model === "another"), Boolean);
  });
});

describe("the view's state", () => {
  it("is kept by the host and comes back whole, hits and all", async () => {
    const { host, controller, state } = await loaded();
    controller.onlyHead(2, 11);
    controller.pin({ side: "left", token: 9 });
    await until(state, (s) => s.summary !== null);
    controller.update({ bar: { of: "subject", attribute: "pos", label: "VERB" } });
    const kept = await until(
      () => readViewState(host.state.get()),
      (view) => view !== null && view.bar !== null,
    );
    const again = start({ state: JSON.parse(JSON.stringify(kept)) });
    await until(again.state, (s) => s.summary !== null);
    expect(again.controller.portable()).toEqual(controller.portable());
  });

  it("carries the text itself when it came from a document", async () => {
    const { host, controller, state } = start();
    const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } };
    host.selections.fire({ input: { textDocument: { uri: "file:///a.md" }, range }, label: "a.md:1" });
    await until(state, (s) => s.capture !== null);
    expect(controller.portable().input).toEqual({ text: state().capture?.text });
  });

  it("is restored from a copied link", async () => {
    const { controller } = await loaded();
    controller.setLayer(3);
    const link = controller.link();
    const other = start();
    expect(other.controller.paste("nonsense")).toBe(false);
    expect(other.controller.paste(link)).toBe(true);
    await until(other.state, (s) => s.layerShown === 3);
    expect(other.state().view.input).toEqual({ text: TEXT });
  });

  it("is reset to the defaults but keeps text, model and corpus", async () => {
    const { controller, state } = await loaded();
    controller.update({ topPercent: 10, k: 3 });
    controller.reset();
    expect(state().view).toMatchObject({
      topPercent: INITIAL.topPercent,
      k: 50,
      input: { text: TEXT },
      corpus: "brown",
    });
  });
});

describe("the server", () => {
  it("is asked again after a restart", async () => {
    const { host, state, asked } = await loaded();
    const before = asked("attend").length;
    host.forget();
    host.events.fire({ kind: "crashed" });
    expect(state().server?.kind).toBe("crashed");
    host.events.fire({ kind: "restarted" });
    await until(state, () => asked("attend").length > before);
    await until(state, (s) => s.attend.phase === "idle" && s.capture?.id === "capture-0");
  });

  it("gets nothing more after the view is gone", async () => {
    const { host, controller } = await loaded();
    controller.dispose();
    expect([host.selections.size, host.themes.size, host.events.size]).toEqual([0, 0, 0]);
  });
});
