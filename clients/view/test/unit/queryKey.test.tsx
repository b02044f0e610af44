// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import { FixtureHost, type FixtureOptions } from "../../dev/fixtureHost";
import { queryKeyOf } from "../../dev/syntheticRow";
import { type MountedView, mount } from "../../src/mount";
import { PANES } from "../../src/panes";
import { keyRows, largest, strongestDimensions } from "../../src/panes/attention/queryKey/products";
import type { QueryKeyParams } from "../../src/protocol";
import { makeToy } from "./toyPane";
import { until } from "./wait";

const TEXT = "The girl ran to a local pub to escape her surroundings.";
const views: MountedView[] = [];

function mounted(view: object = {}, options: FixtureOptions = {}) {
  const state = { version: 1, input: { text: TEXT }, layer: 2, heads: [11], ...view };
  const host = new FixtureHost({ corpora: [], state, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const toy = makeToy();
  views.push(mount(element, host, [...PANES, toy.pane]));
  const { controller } = toy.part();
  const asked = () => host.log.filter(({ what }) => what === "queryKey").map(({ value }) => value as QueryKeyParams);
  return { host, element, controller, state: () => controller.store.get(), asked };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

const params: QueryKeyParams = { captureId: "c", token: 3, layer: 0, head: 1 };

describe("the products of query and key", () => {
  const weights = Float32Array.from([0.1, 0, 0.5, 0.15, 0.25]);
  const result = { ...queryKeyOf(params, weights), softcap: 20, bias: [0.5, 0, 0, -1, 0], sink: null };

  it("sum to the score, and the scores' softmax is the attention", () => {
    const plain = queryKeyOf(params, weights);
    const rows = keyRows(plain, 9);
    expect(rows.map(({ key }) => key)).toEqual([2, 4, 3, 0]);
    const keys = plain.keys.data as number[][];
    for (const { key, products, score } of rows) {
      let sum = 0;
      for (let d = 0; d < plain.query.length; d++) {
        expect(products[d]).toBeCloseTo(plain.query[d] * keys[key][d] * plain.scaling, 4);
        sum += products[d];
      }
      expect(score).toBeCloseTo(sum, 4);
    }
    const total = rows.reduce((a, { final }) => a + Math.exp(final), 0);
    for (const { final, weight } of rows) expect(Math.exp(final) / total).toBeCloseTo(weight, 4);
  });

  it("are capped before the bias is added, as the model does", () => {
    for (const { key, score, final } of keyRows(result, 9))
      expect(final).toBeCloseTo(20 * Math.tanh(score / 20) + result.bias[key], 5);
  });

  it("name the dimensions that add or take most", () => {
    const [first] = keyRows(result, 1);
    const named = strongestDimensions(first, 3).map(({ product }) => Math.abs(product));
    expect(named[0]).toBe(Math.max(...Array.from(first.products, Math.abs)));
    expect(named).toEqual([...named].sort((a, b) => b - a));
    expect(largest([first])).toBe(named[0]);
    expect(largest([])).toBe(0);
  });
});

describe("query and keys of the pinned token", () => {
  it("are asked for only where a person wants them, for one head and a token on the left", async () => {
    const { element, controller, state, asked } = mounted();
    await until(state, (s) => s.layer !== null);
    expect(asked()).toEqual([]);
    controller.update({ showQueryKey: true });
    await until(
      () => element.querySelector(".query-key-box")?.textContent ?? "",
      (said) => said.includes("Pin a token"),
    );
    controller.pin({ side: "left", token: 9 });
    await until(state, (s) => s.queryKey !== null);
    expect(asked()).toEqual([{ captureId: state().capture?.id, token: 9, layer: 2, head: 11, stack: "encoder" }]);
    const rows = await until(
      () => [...element.querySelectorAll(".query-key tbody tr")],
      (all) => all.length > 2,
    );
    expect(rows[0].textContent).toContain("escape");
    expect(rows[1].querySelector("th")?.textContent).toBe("to");
    controller.setHeads(null);
    await until(state, (s) => s.queryKey === null);
    await until(
      () => element.querySelector(".query-key-box")?.textContent ?? "",
      (said) => said.includes("Choose one head"),
    );
  });

  it("say why where a family has none, by name", async () => {
    const message = "query and keys of bloom (BloomModel) cannot be shown: it is off transformers' attention interface";
    const error = { code: -33002, message };
    const pinned = { side: "left", token: 4 };
    const { element } = mounted({ showQueryKey: true, pinned }, { errors: { queryKey: error } });
    await until(
      () => element.querySelector(".query-key-box")?.textContent ?? "",
      (said) => said.includes("BloomModel"),
    );
  });
});
