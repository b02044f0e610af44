// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { MINI, type Synthetic } from "../../dev/synthetic";
import type { TextInput } from "../../src/host";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { ending } from "../../src/panes/attention/ui/ContinueBar";
import { turnAt } from "../../src/panes/attention/ui/tokenView";
import type { AttendParams } from "../../src/protocol";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const GPT: Synthetic = { kind: "autoregressive", nLayers: 4, nHeads: 3, hasLmHead: true, maskToken: null };
const MESSAGES = [
  { role: "user", content: "Who ran?" },
  { role: "assistant", content: "The girl" },
];
const views: MountedView[] = [];

async function loaded(input: TextInput, options: FixtureOptions = { made: GPT }) {
  const host = new FixtureHost(options);
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const state = () => controller.store.get();
  host.selections.fire({ input, label: "chat.json" });
  await until(state, (s) => s.capture !== null && s.layer !== null);
  const attends = () => host.log.filter((one) => one.what === "attend").map((one) => one.value as AttendParams);
  return { host, element, state, controller, attends };
}

function continueButton(element: HTMLElement): HTMLButtonElement | null {
  return [...element.querySelectorAll<HTMLButtonElement>(".continue-bar button")][0] ?? null;
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("a continuation", () => {
  it("is asked for by a button, grows with each click, and can be taken away", async () => {
    const { element, state, attends, controller } = await loaded({ text: "Run" });
    const click = async () =>
      (
        await until(
          () => continueButton(element),
          (found) => found?.disabled === false,
        )
      )?.click();
    await click();
    await until(state, (s) => s.capture?.tokens.length === 9 && s.layer?.nQueries === 9);
    expect(
      attends()
        .filter(({ text }) => text !== undefined)
        .at(-1),
    ).toMatchObject({ generate: 8 });
    // only the first rows are drawn where nothing has a height
    const marked = await until(
      () => element.querySelector(".tokens.left .token.generated"),
      (found) => found !== null,
    );
    expect(marked?.getAttribute("data-turn")).toBe("model");
    expect(marked?.getAttribute("aria-label")).toContain("written by the model");
    const tokens = state().capture?.tokens ?? [];
    expect(tokens.map((_, i) => turnAt(tokens, i, null))).toEqual([null, "model", ...Array(7).fill(null)]);
    await click();
    await until(state, (s) => s.capture?.tokens.length === 17);
    controller.setGenerated(0);
    await until(state, (s) => s.capture?.tokens.length === 1 && s.layer?.nQueries === 1);
    expect(
      attends()
        .filter(({ text }) => text !== undefined)
        .at(-1)?.generate,
    ).toBeUndefined();
  });

  it("ends where the model ends it", async () => {
    const { element, state, controller } = await loaded({ text: "The girl ran to" });
    controller.setGenerated(24);
    await until(state, (s) => s.capture?.tokens.length === 24);
    const button = await until(
      () => continueButton(element),
      (found) => found?.disabled === true,
    );
    expect(button?.title).toBe("The model ended its text.");
    expect(ending(256, 500, false)).toContain("At most 256");
    expect(ending(8, 3, false)).toContain("no longer text");
    expect(ending(8, 500, false)).toBeNull();
  });

  it("is not offered by a model that reads in both directions", async () => {
    const { element } = await loaded({ text: "The girl ran to" }, { made: MINI });
    expect(continueButton(element)).toBeNull();
  });

  it("is set back by another text, and travels with a link", async () => {
    const { host, state, controller } = await loaded({ text: "The girl ran to" });
    controller.setGenerated(8);
    await until(state, (s) => s.capture?.tokens.length === 12);
    const codec = composeState([...PANES, makeToy().pane]);
    expect(codec.parse(controller.link())).toMatchObject({ generate: 8, input: { text: "The girl ran to" } });
    host.selections.fire({ input: { text: "She was late" }, label: "b" });
    await until(state, (s) => s.capture?.text === "She was late");
    expect(state().view.generate).toBe(0);
  });
});

describe("chat messages", () => {
  it("are sent as they are, and their roles part the tokens", async () => {
    const { element, attends, state } = await loaded({ messages: MESSAGES });
    expect(attends()[0].messages).toEqual(MESSAGES);
    expect(state().capture?.messages).toEqual(MESSAGES);
    const turn = await until(
      () => element.querySelector(".tokens.left .token.turn"),
      (found) => found !== null,
    );
    expect([turn?.getAttribute("data-turn"), turn?.textContent]).toEqual(["user", "Who"]);
  });

  it("travel with a link", async () => {
    const { controller } = await loaded({ messages: MESSAGES });
    const codec = composeState([...PANES, makeToy().pane]);
    expect(codec.parse(controller.link())?.input).toEqual({ messages: MESSAGES });
    expect(codec.read({ version: 1, input: { messages: [{ role: "user" }] } })?.input ?? null).toBeNull();
  });

  it("have no turn inside a message or in a text", async () => {
    const { state } = await loaded({ messages: MESSAGES });
    const tokens = state().capture?.tokens ?? [];
    expect(tokens.map((_, i) => turnAt(tokens, i, MESSAGES)).filter((one) => one !== null)).toEqual([
      "user",
      "assistant",
    ]);
    expect(tokens.map((_, i) => turnAt(tokens, i, null)).every((one) => one === null)).toBe(true);
  });
});

describe("a selection of JSON with chat messages", () => {
  const text = JSON.stringify(MESSAGES);

  it("is read as messages", async () => {
    const { attends, state } = await loaded({ text });
    expect(attends()[0]).toMatchObject({ messages: MESSAGES });
    expect(attends()[0].text).toBeUndefined();
    expect(state().view.input).toEqual({ messages: MESSAGES });
  });

  it("is read as a text by a model that has no chat template, and says why", async () => {
    const host = new FixtureHost({ made: GPT });
    const request = host.request.bind(host);
    host.request = async (method, params, options) => {
      if (method === "attend" && "messages" in (params as AttendParams))
        throw {
          code: -32602,
          message: "messages: this model has no chat template.",
          data: { kind: "invalidParams", hint: "", field: "messages" },
        };
      return request(method, params, options);
    };
    const element = document.createElement("div");
    document.body.append(element);
    const toy = makeToy();
    views.push(mount(element, host, [...PANES, toy.pane]));
    const state = () => toy.part().controller.store.get();
    host.selections.fire({ input: { text }, label: "chat.json" });
    await until(state, (s) => s.capture !== null && s.fallbacks.length > 0);
    expect(state().view.input).toEqual({ text });
    expect(state().fallbacks[0]).toContain("no chat template");
  });
});

describe("what a decoder should predict", () => {
  it("stands beside its predictions", async () => {
    const T5: Synthetic = { kind: "encoderDecoder", nLayers: 2, nHeads: 2, hasLmHead: true, maskToken: null };
    const { element, controller, state } = await loaded({ text: "The girl ran", textPair: "She was" }, { made: T5 });
    controller.setStack("decoder");
    await until(state, (s) => s.layer?.nQueries === 2);
    controller.pin({ side: "left", token: 0 });
    const inspector = await until(
      () => element.querySelector(".inspector"),
      (found) => found?.textContent?.includes("goes on with") === true,
    );
    expect(inspector?.textContent).toContain("the text goes on withwas");
  });
});
