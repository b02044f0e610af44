import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { recordedAttend, recordedSearch, recordedSummary } from "../../dev/recordedHost";
import { type Recording, readRecording } from "../../page/recording";
import { ReportHost } from "../../page/reportHost";
import { someLayers } from "../../page/tensors";
import { decodeTensor } from "../../src/logic/tensor";
import type { SearchParams, Tensor } from "../../src/protocol";

const SEARCHED = { corpus: "pydoc", captureId: recordedAttend.captureId, token: 9, layer: 2, space: "headOutput" };
const asked = (change: object = {}) => ({ ...SEARCHED, k: 50, distinct: true, ...change }) as SearchParams;

const recording: Recording = {
  version: 1,
  holds: "It holds layer 2.",
  attend: recordedAttend,
  models: { models: [] },
  corpora: { corpora: [] },
  searches: [{ token: 9, layer: 2, heads: null, answer: recordedSearch, summary: recordedSummary }],
  view: { version: 1 },
};

describe("a page without a server", () => {
  let told: string[];
  let host: ReportHost;
  beforeAll(() => {
    vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  });
  const fresh = () => {
    told = [];
    host = new ReportHost(recording, (sentence) => told.push(sentence));
    return host;
  };

  it("reads its recording back as it was written", async () => {
    const packed = gzipSync(JSON.stringify(recording)).toString("base64");
    expect(await readRecording(`\n${packed}\n`)).toEqual(JSON.parse(JSON.stringify(recording)));
  });

  it("gives each layer that is asked for, of every dtype", () => {
    const whole = decodeTensor(recordedAttend.attention);
    const size = whole.values.length / recordedAttend.layers.length;
    const cut = decodeTensor(someLayers(recordedAttend.attention, [3, 1]));
    expect(cut.shape).toEqual([2, ...whole.shape.slice(1)]);
    expect(cut.values.slice(0, size)).toEqual(whole.values.slice(3 * size, 4 * size));
    expect(cut.values.slice(size)).toEqual(whole.values.slice(size, 2 * size));
    const two: Tensor = { dtype: "float16", shape: [2, 1], encoding: "base64", data: btoa("\x00\x3c\x00\xc0") };
    expect([...decodeTensor(someLayers(two, [1])).values]).toEqual([-2]);
  });

  it("answers what was recorded", async () => {
    const { captureId, text } = recordedAttend;
    expect((await fresh().request("attend", { text, layers: [4] })).layers).toEqual([4]);
    expect((await host.request("attend", { captureId, layers: [0, 1] })).attention.shape[0]).toBe(2);
    const found = await host.request("searchContexts", asked({ k: 3 }));
    expect(found.hits).toEqual(recordedSearch.hits.slice(0, 3));
    const { searchId } = found;
    expect(await host.request("summarize", { searchId, controls: ["word"] })).toBe(recordedSummary);
  });

  it("finds the layers of a hybrid, of which only some attend", async () => {
    const hybrid = { ...recordedAttend, layers: recordedAttend.layers.map((layer) => 2 * layer + 1) };
    const page = new ReportHost({ ...recording, attend: hybrid }, () => {});
    const found = await page.request("attend", { text: hybrid.text, layers: [5] });
    expect(found.attention).toEqual(someLayers(recordedAttend.attention, [2]));
    await expect(page.request("attend", { text: hybrid.text, layers: [2] })).rejects.toMatchObject({
      message: "this page does not hold attention of that layer",
    });
  });

  it.each([
    ["another token", asked({ token: 8 })],
    ["another layer", asked({ layer: 1 })],
    ["some heads", asked({ heads: [3] })],
    ["hidden states", asked({ space: "hiddenState", layer: undefined, hiddenLayer: 2 })],
    ["another ranking", asked({ weighting: "norm" })],
    ["identical sentences", asked({ distinct: false })],
    ["a filter", asked({ filter: { pos: "NOUN" } })],
  ])("refuses contexts of %s, and says what it holds", async (_, params) => {
    await expect(fresh().request("searchContexts", params)).rejects.toMatchObject({
      message: "this page does not hold these contexts",
      data: { kind: "notInReport", hint: "It holds layer 2." },
    });
  });

  it("says how to see the contexts of a token where words are shown", async () => {
    await expect(fresh().request("searchContexts", asked({ token: undefined, tokens: [3, 4] }))).rejects.toMatchObject({
      message: "this page does not hold contexts of whole words; switch off “words” to see those of a token",
    });
  });

  it.each([
    ["another text", { text: "Something else." }],
    ["value norms", { text: recordedAttend.text, weights: "valueNorm" as const }],
    ["a masked token", { text: recordedAttend.text, mask: [3] }],
    ["a second segment", { text: recordedAttend.text, textPair: "More." }],
  ])("refuses %s", async (_, params) => {
    await expect(fresh().request("attend", params)).rejects.toMatchObject({ data: { kind: "notInReport" } });
  });

  it("refuses what only a model knows, and a summary in the other direction", async () => {
    await expect(fresh().request("ablateHeads", { captureId: "x", heads: "each" })).rejects.toMatchObject({
      code: -32803,
    });
    const { searchId } = recordedSearch;
    await expect(host.request("summarize", { searchId, attention: "incoming" })).rejects.toMatchObject({
      message: "this page does not hold this summary",
    });
  });

  it("says where a document is instead of opening it", () => {
    const range = { start: { line: 46, character: 0 }, end: { line: 46, character: 3 } };
    fresh().openLocation({ document: "notes/scale.md", range });
    expect(told).toEqual(["notes/scale.md, line 47: documents are not in this page."]);
  });
});
