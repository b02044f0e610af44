import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost } from "../../dev/fixtureHost";
import { describeModel, MINI } from "../../dev/synthetic";
import { search, summarize } from "../../dev/syntheticCorpus";
import { Controller } from "../../src/control/controller";
import { inkOf } from "../../src/draw/ink";
import { PANES } from "../../src/panes";
import { histogramsSvg } from "../../src/panes/summary/draw/histogramSvg";
import { controlsFor, saidFindings } from "../../src/panes/summary/logic/findings";
import { summaryTable } from "../../src/panes/summary/tables";
import type { SummarizeParams, SummarizeResult } from "../../src/protocol";
import { until } from "./wait";

const running: Controller[] = [];

afterEach(() => {
  for (const controller of running.splice(0)) controller.dispose();
});

type Answer = (params: SummarizeParams) => unknown;

/** A controller that searches, with a host whose `summarize` may answer otherwise. */
async function searching(change?: (answer: Answer) => Answer) {
  const host = new FixtureHost();
  const real = host.request.bind(host);
  const asked: SummarizeParams[] = [];
  const answer: Answer = (params) => real("summarize", params);
  const summarizing = change?.(answer) ?? answer;
  host.request = ((method: string, params: SummarizeParams, options: object) => {
    if (method !== "summarize") return real(method as "attend", params as object, options);
    asked.push(params);
    return Promise.resolve().then(() => summarizing(params));
  }) as typeof host.request;
  const controller = new Controller(host, PANES);
  running.push(controller);
  controller.start();
  const state = () => controller.store.get();
  host.selections.fire({ input: { text: "The girl ran to a local pub to escape the din of her city." }, label: "" });
  await until(state, (s) => s.capture !== null && s.corpora !== null);
  controller.onlyHead(2, 11);
  controller.pin({ side: "left", token: 9 });
  return { controller, host, state, asked };
}

const made = (controls?: ("word" | "echo" | "peers")[]) =>
  summarize(search({ corpus: "brown", k: 30 }, describeModel(MINI), "s"), "outgoing", controls);

describe("the summary", () => {
  it("comes with what the word and what is attended to give, and gets the other heads afterwards", async () => {
    const { controller, state, asked } = await searching();
    const shown: SummarizeResult[] = [];
    controller.store.subscribe(() => {
      const { summary } = state();
      if (summary !== null && summary !== shown.at(-1)) shown.push(summary);
    });
    await until(state, (s) => s.summary !== null && s.comparing.phase === "idle" && shown.length === 2);
    expect(shown[0].histograms[0].bins[0].controls).toMatchObject({ word: { n: 50 }, echo: { n: 200 }, peers: null });
    expect(shown[1].histograms[0].bins[0].controls).toMatchObject({ word: { n: 50 }, peers: { of: 12 } });
    expect(asked.map(({ controls }) => controls)).toEqual([
      ["word", "echo"],
      ["word", "echo", "peers"],
    ]);
    expect(state().comparing.phase).toBe("idle");
  });

  it("asks for the other heads of one head alone, and of hidden states for the word alone", () => {
    expect(controlsFor({ space: "headOutput", heads: [3] }, false).later).toEqual(["word", "echo", "peers"]);
    for (const heads of [null, [], [3, 4]]) expect(controlsFor({ space: "headOutput", heads }, false).later).toBe(null);
    expect(controlsFor({ space: "hiddenState", heads: [3] }, false)).toEqual({
      first: ["word"],
      later: null,
    });
    expect(controlsFor({ space: "headOutput", heads: [3] }, true)).toEqual({ first: ["word"], later: null });
  });

  it("stays when the other heads cannot be compared", async () => {
    const { state } = await searching((answer) => (params) => {
      if (params.controls?.includes("peers")) throw { code: -32603, message: "out of memory" };
      return answer(params);
    });
    await until(state, (s) => s.comparing.phase === "failed");
    expect(state().summary?.findingsDetailed.length).toBe(3);
    expect(state().summarize.phase).toBe("idle");
  });

  it("is not kept waiting by the other heads of a search that nobody looks at any more", async () => {
    const { controller, state, asked } = await searching(
      (answer) => (params) =>
        params.controls?.includes("peers") && asked.length === 2 ? new Promise(() => undefined) : answer(params),
    );
    await until(state, (s) => s.comparing.phase === "busy");
    controller.pin({ side: "left", token: 5 });
    await until(state, (s) => s.comparing.phase === "idle");
    await until(state, (s) => s.summary !== null && s.summary.searchId !== asked[0].searchId);
  });

  it("of a server before 1.1 is read without controls", async () => {
    const { state, asked } = await searching((answer) => async (params) => {
      if ("controls" in params) throw { code: -32602, message: "controls: unknown field" };
      const { findingsDetailed: _, notes: __, ...old } = (await answer(params)) as SummarizeResult;
      return {
        ...old,
        histograms: old.histograms.map((one) => ({ ...one, bins: one.bins.map(({ controls: ___, ...bin }) => bin) })),
      };
    });
    await until(state, (s) => s.summary !== null);
    expect(asked.map((params) => "controls" in params)).toEqual([true, false]);
    const summary = state().summary as SummarizeResult;
    const said = saidFindings(summary);
    expect(said.own.map(({ verdict }) => verdict)).toEqual(summary.findings.map(() => "unchecked"));
    expect(summaryTable(summary).rows[0].slice(-7)).toEqual(Array(7).fill(null));
  });
});

describe("findings", () => {
  it("stand first where they are the head's, and are grouped by what explains the others", () => {
    const said = saidFindings(made());
    expect([said.own, said.word, said.echo].map((group) => group.map(({ verdict }) => verdict))).toEqual([
      ["head"],
      ["word"],
      ["echo"],
    ]);
    expect(said.own[0].sentence).toContain("the word alone gives 28 %");
  });

  it("are drawn with a mark for each control, as committed", async () => {
    const shown = made().histograms.filter((one) => one.attribute === "pos" || one.attribute === "offset");
    const svg = histogramsSvg(shown, "Contexts like “escape”", inkOf("dark"));
    const bins = shown.flatMap(({ bins }) => bins);
    expect(svg.match(/<path /g)?.length).toBe(3 * bins.length);
    await expect(svg).toMatchFileSnapshot("../snapshots/histograms-controls.svg");
  });

  it("are saved with the controls of each bar", () => {
    const { header, rows } = summaryTable(made(["word"]));
    const row = Object.fromEntries(header.map((name, i) => [name, rows[0][i]]));
    expect(row).toMatchObject({ wordN: 50, echo: null, peersRank: null });
  });
});
