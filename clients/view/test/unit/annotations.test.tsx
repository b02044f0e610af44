// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { MINI, type Synthetic } from "../../dev/synthetic";
import { isSamePass, pinnedTokens } from "../../src/app";
import type { HostError, RequestOptions } from "../../src/host";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { tokensTable } from "../../src/panes/attention/tables";
import type { AttendParams, AttendResult, Method, MethodParams, MethodResult, Token } from "../../src/protocol";
import { composeState } from "../../src/state";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape her surroundings.";
const OTHER = "Nobody knew why she was late to the quiet harbour town.";
const BARE = { pos: null, tag: null, dep: null, lemma: null, syntacticHead: null, entity: null };
const NO_PIPELINE: HostError = {
  code: -32602,
  message: "pipeline: no spaCy pipeline 'xx'",
  data: { kind: "invalidParams", field: "pipeline", hint: "Install one." },
};
const views: MountedView[] = [];

function bare<T extends Token>(token: T): T {
  return { ...token, ...BARE, word: null, sentence: null };
}

function each(answer: AttendResult, change: <T extends Token>(token: T) => T): AttendResult {
  const decoderTokens = answer.decoderTokens?.map((token) => change(token)) ?? null;
  return { ...answer, tokens: answer.tokens.map((token) => change(token)), decoderTokens };
}

/** A server whose pipeline is being loaded until `loaded` is called, with what it fails with. */
class LoadingHost extends FixtureHost {
  readonly aborted: string[] = [];
  /** Whether an answer that was waited for comes although it was aborted. */
  answersAborted = false;
  private waiting: (() => void)[] = [];
  private isLoaded = false;
  private failure: HostError | null = null;

  loaded(failure: HostError | null = null): void {
    this.failure = failure;
    this.isLoaded = true;
    this.release();
  }

  /** Answers those that wait for the pipeline, of which `keepWaiting` left some. */
  release(): void {
    for (const go of this.waiting.splice(0)) go();
  }

  /** The pipeline is loaded, and has yet to read what it was asked for meanwhile. */
  keepWaiting(): void {
    this.isLoaded = true;
  }

  override async request<M extends Method>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    const answer = await super.request(method, params, options);
    if (method !== "attend") return answer;
    const { annotate = true, captureId, waitForAnnotations = true } = params as AttendParams;
    if (annotate && !this.isLoaded && waitForAnnotations) {
      options.signal?.addEventListener("abort", () => this.aborted.push(String(captureId)));
      await new Promise<void>((resolve, reject) => {
        this.waiting.push(resolve);
        if (!this.answersAborted)
          options.signal?.addEventListener("abort", () => reject({ code: -32800, message: "" }));
      });
    }
    if (annotate && this.failure !== null) throw this.failure;
    const all = answer as AttendResult;
    const { topK } = params as AttendParams;
    const predicted = topK === 0 ? each(all, (token) => ({ ...token, predictions: null })) : all;
    const isAnnotated = annotate && this.isLoaded;
    const given = isAnnotated ? predicted : { ...each(predicted, bare), annotationsPending: annotate };
    return given as MethodResult<M>;
  }
}

function mounted(options: FixtureOptions = {}) {
  const host = new LoadingHost(options);
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const state = () => controller.store.get();
  const asked = () => host.log.filter(({ what }) => what === "attend").map(({ value }) => value as AttendParams);
  const later = () => asked().filter(({ captureId, annotate }) => captureId !== undefined && annotate !== false);
  return { host, element, controller, state, asked, later };
}

const explore = (host: FixtureHost, text = TEXT) => host.selections.fire({ input: { text }, label: "notes.md:1" });

async function drawn(options: FixtureOptions = {}) {
  const all = mounted({ corpora: [], ...options });
  explore(all.host);
  const attending = options.made?.attentionLayers ?? [0, 1, 2, 3, 4, 5];
  await until(all.state, ({ thumbnails }) => attending.every((layer) => (thumbnails[layer] ?? null) !== null));
  await until(all.later, (asked) => asked.length === 1);
  return all;
}

function fullyAnnotated(made: Synthetic = MINI): Promise<readonly Token[]> {
  const host = new FixtureHost({ made });
  return host.request("attend", { text: TEXT, layers: [0], topK: 5 }).then(({ tokens }) => tokens);
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("a picture whose annotations are not there yet", () => {
  it("is drawn before them, and says that they are being made where parts of speech stand", async () => {
    const { controller, element, state, asked } = await drawn({ state: composeState(PANES).initial });
    expect(asked()[0]).toMatchObject({ text: TEXT, waitForAnnotations: false });
    expect(state()).toMatchObject({ attend: { phase: "idle" }, annotating: { phase: "busy" } });
    expect(state().layer).not.toBe(null);
    expect(state().capture?.tokens.every(({ pos }) => pos === null)).toBe(true);
    const note = () => element.querySelector(".inspector .unannotated")?.textContent ?? "";
    await until(note, (text) => text === "annotations are being made …");
    controller.pin({ side: "left", token: 3 });
    await until(
      () => element.querySelector(".inspector .facts")?.textContent ?? "",
      (text) => text === "annotations are being made …",
    );
  });

  it("gets all that a server says that waits, and asks for one head of one layer for it", async () => {
    const made: Synthetic = { ...MINI, hasLmHead: true };
    const { element, host, state, later } = await drawn({ made });
    const capture = state().capture;
    expect(capture?.tokens[3].predictions?.length).toBeGreaterThan(0);
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    expect(later()).toEqual([{ captureId: capture?.id, topK: 0, tensors: "uint8", layers: [0], heads: [0] }]);
    expect(state().capture?.tokens).toEqual(await fullyAnnotated(made));
    expect(state().capture?.tokens[3].pos).toBeTruthy();
    await until(
      () => element.querySelector(".unannotated"),
      (note) => note === null,
    );
  });

  it("of an encoder-decoder model gets those of both texts", async () => {
    const { host, state } = await drawn({ made: { ...MINI, kind: "encoderDecoder" } });
    const expected = state().capture?.decoderTokens?.map(({ predictions, id }) => ({ predictions, id }));
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    const tokens = state().capture?.decoderTokens ?? [];
    expect(tokens.map(({ predictions, id }) => ({ predictions, id }))).toEqual(expected);
    expect(tokens.some(({ pos }) => pos !== null)).toBe(true);
    expect(state().capture?.tokens.some(({ pos }) => pos !== null)).toBe(true);
  });

  it("of a hybrid model asks for a layer that attends", async () => {
    const { later } = await drawn({ made: { ...MINI, attentionLayers: [3, 5] }, state: { version: 1, layer: 3 } });
    expect(later()[0].layers).toEqual([3]);
  });

  it("keeps the pin, the chosen head, layers and a running search when annotations come", async () => {
    const { host, controller, state, asked } = await drawn({ corpora: ["brown"] });
    controller.onlyHead(2, 11);
    host.delay = 60;
    controller.pin({ side: "left", token: 9 });
    const searches = () => host.log.filter(({ what }) => what === "searchContexts");
    await until(searches, (all) => all.length === 1);
    const { view, layer, thumbnails, capture } = state();
    const before = asked().length;
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    expect(state().search.phase).toBe("busy");
    expect(state().view).toBe(view);
    expect(state().layer).toBe(layer);
    expect(state().thumbnails).toBe(thumbnails);
    expect(state().capture).not.toBe(capture);
    await until(state, (s) => s.result !== null && s.search.phase === "idle");
    expect(searches().length).toBe(1);
    expect(asked().length).toBe(before);
  });

  it("still gets its overview when annotations come while layers are read", async () => {
    const { host, state, later } = mounted({ corpora: [], delay: 15 });
    explore(host);
    await until(later, (all) => all.length === 1);
    host.loaded();
    await until(state, (s) => s.capture?.tokens.some(({ pos }) => pos !== null) === true);
    await until(state, (s) => s.thumbnails.length > 0 && !s.thumbnails.includes(null));
    expect(state().view.heads?.length).toBe(1);
  });

  it("has its head chosen once, and not again when annotations come", async () => {
    const { host, controller, state } = await drawn();
    const { firstLook } = await until(
      () => state().view,
      (view) => view.heads !== null,
    );
    controller.setHeads(null);
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(state().view).toMatchObject({ heads: null, firstLook });
  });

  it("joins words once annotations are there, and says so until then", async () => {
    const { host, controller, element, state } = await drawn();
    controller.update({ words: true, heads: null });
    const heading = () => element.querySelector(".attention .pane-head")?.textContent ?? "";
    await until(heading, (text) => text.includes("words are joined once annotations are made"));
    const tokens = await fullyAnnotated();
    const at = tokens.findIndex(({ word }, i) => typeof word === "number" && word === tokens[i + 1]?.word);
    controller.pin({ side: "left", token: at });
    expect(pinnedTokens(state()).map(({ index }) => index)).toEqual([at]);
    host.loaded();
    await until(heading, (text) => !text.includes("words are joined"));
    const word = tokens.filter((token) => token.word === tokens[at].word).map(({ index }) => index);
    expect(word.length).toBeGreaterThan(1);
    expect(pinnedTokens(state()).map(({ index }) => index)).toEqual(word);
  });

  it("does not offer a table of tokens that lacks them", async () => {
    const { host, state, controller } = await drawn();
    const attention = PANES[0];
    const saves = () =>
      attention
        .actions?.(controller, state())
        .filter(({ text }) => text.startsWith("Save tokens"))
        .map(({ disabled }) => disabled);
    expect(saves()).toEqual([true, true]);
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    expect(saves()).toEqual([false, false]);
    expect(JSON.stringify(tokensTable(state().capture?.tokens ?? [], null))).toContain("NOUN");
  });
});

describe("late annotations", () => {
  it("of an earlier text are dropped, and no longer waited for", async () => {
    const { host, state, later } = await drawn();
    host.answersAborted = true;
    const first = state().capture;
    explore(host, OTHER);
    await until(later, (all) => all.length === 2);
    expect(host.aborted).toEqual([first?.id]);
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(state().capture?.text).toBe(OTHER);
    expect(state().capture?.tokens.map(({ text }) => text)).toContain("Nobody");
    expect(isSamePass(state().capture, first)).toBe(false);
  });

  it("of an earlier text are not waited for either where the next text has them at once", async () => {
    const { host, state } = await drawn();
    host.answersAborted = true;
    const first = state().capture;
    host.keepWaiting();
    explore(host, OTHER);
    await until(state, (s) => s.capture?.text === OTHER);
    const second = state().capture;
    expect(host.aborted).toEqual([first?.id]);
    host.release();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(state().capture).toBe(second);
    expect(state().annotating.phase).toBe("idle");
  });

  it("that cannot be had leave the picture, say why, and can be asked for again", async () => {
    const { element, host, state } = await drawn();
    const { layer, capture, view } = state();
    host.loaded({ code: -33000, message: "the annotating process ended", data: { kind: "internal", hint: "" } });
    await until(state, (s) => s.annotating.phase === "failed");
    expect(state().notice).toBe("Annotations are missing: the annotating process ended");
    expect(state().attend.phase).toBe("idle");
    expect([state().layer, state().capture, state().view]).toEqual([layer, capture, view]);
    const note = await until(
      () => element.querySelector(".unannotated"),
      (found) => found !== null && found.querySelector("button") !== null,
    );
    expect(note?.textContent).toContain("annotations are missing: the annotating process ended");
    host.loaded();
    note?.querySelector("button")?.click();
    await until(state, (s) => s.annotating.phase === "idle");
    expect(state().capture?.tokens.some(({ pos }) => pos !== null)).toBe(true);
    expect(isSamePass(state().capture, capture)).toBe(true);
  });

  it("of a text that the server has forgotten come with the text, read once more", async () => {
    const { controller, host, state } = await drawn();
    host.loaded({ code: -33008, message: "expired", data: { kind: "unknownHandle", hint: "" } });
    await until(state, (s) => s.annotating.phase === "failed");
    host.loaded();
    controller.captures.annotateAgain();
    await until(state, (s) => s.capture?.tokens.some(({ pos }) => pos !== null) === true);
    expect(host.log.filter(({ what, value }) => what === "attend" && (value as AttendParams).text).length).toBe(2);
  });

  it("of a pipeline that there is not keep nobody from a picture", async () => {
    const { host, state } = mounted({ corpora: [] });
    host.loaded(NO_PIPELINE);
    explore(host);
    await until(state, (s) => s.annotating.phase === "failed");
    expect(state()).toMatchObject({ attend: { phase: "idle" }, capture: { text: TEXT } });
    expect(state().layer).not.toBe(null);
    expect(state().notice).toBe("Annotations are missing: pipeline: no spaCy pipeline 'xx'");
  });
});

describe("a server", () => {
  it("that has annotations at once is asked for them once", async () => {
    const { host, state, later } = mounted({ corpora: [] });
    host.loaded();
    explore(host);
    await until(state, (s) => s.thumbnails.length > 0 && !s.thumbnails.includes(null));
    expect(state().annotating.phase).toBe("idle");
    expect(state().capture?.tokens).toEqual(await fullyAnnotated());
    expect(later()).toEqual([]);
  });

  it("that does not know how not to wait is asked to wait, from then on", async () => {
    const { host, state, asked } = mounted({ corpora: [] });
    host.loaded();
    const real = host.request.bind(host);
    host.request = (async (method: "attend", params: AttendParams, options: RequestOptions) => {
      if (params.waitForAnnotations === undefined) return real(method, params, options);
      host.log.push({ what: "refused", value: params });
      throw { code: -32602, message: "unknown field", data: { kind: "invalidParams", field: "waitForAnnotations" } };
    }) as typeof host.request;
    explore(host);
    await until(state, (s) => s.capture?.text === TEXT);
    explore(host, OTHER);
    await until(state, (s) => s.capture?.text === OTHER);
    expect(host.log.filter(({ what }) => what === "refused").length).toBe(1);
    expect(asked().some((params) => "waitForAnnotations" in params)).toBe(false);
  });
});

describe("a pass", () => {
  it("is the same with and without annotations, and another one when its text is read again", async () => {
    const { controller, host, state } = await drawn();
    const bareCapture = state().capture;
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    expect(state().capture).not.toBe(bareCapture);
    expect(isSamePass(state().capture, bareCapture)).toBe(true);
    await controller.reload();
    expect(isSamePass(state().capture, bareCapture)).toBe(false);
    expect(isSamePass(state().capture, null)).toBe(false);
    expect(isSamePass(null, null)).toBe(true);
  });

  it("that a restarted server gives an earlier handle is shown anew", async () => {
    const { controller, host, state } = await drawn();
    host.loaded();
    await until(state, (s) => s.annotating.phase === "idle");
    const id = state().capture?.id;
    host.forget();
    await controller.reload();
    expect(state().capture?.id).toBe(id);
    await until(state, (s) => s.thumbnails.length > 0 && !s.thumbnails.includes(null));
  });
});
