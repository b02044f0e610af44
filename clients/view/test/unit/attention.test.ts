import { describe, expect, it } from "vitest";
import { random } from "../../dev/random";
import { layerValues } from "../../dev/synthetic";
import {
  combineHeads,
  headMatrix,
  keepAll,
  type LayerAttention,
  type Masks,
  strongestHead,
  topEdges,
} from "../../src/panes/attention/logic/attention";
import * as oracle from "./oracles";

function layer(nHeads = 4, n = 9, nKeys = n, seed = 1): LayerAttention {
  return {
    heads: Array.from({ length: nHeads }, (_, i) => i),
    nQueries: n,
    nKeys,
    values: layerValues(seed, nHeads, n, nKeys, false),
  };
}

function someMasks(n: number, nKeys: number): Masks {
  const next = random(5);
  const bits = (length: number) => Uint8Array.from({ length }, () => (next() < 0.7 ? 1 : 0));
  return { rows: bits(n), columns: bits(nKeys) };
}

function cube(one: LayerAttention) {
  return oracle.cubeOf(one.values, one.heads.length, one.nQueries, one.nKeys);
}

function masked(one: LayerAttention, masks: Masks) {
  return oracle.zeroed(cube(one), [...masks.rows].map(Boolean), [...masks.columns].map(Boolean));
}

function near(actual: Iterable<number>, expected: readonly number[]) {
  const found = [...actual];
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
}

describe("combined heads", () => {
  it.each(["mean", "sum"] as const)("are the %s over the chosen heads of the zeroed matrix", (how) => {
    const one = layer(5, 8, 11);
    const masks = someMasks(8, 11);
    near(combineHeads(one, [0, 2, 4], how, masks), oracle.combined(masked(one, masks), [0, 2, 4], how).flat());
  });

  it("are not renormalized after zeroing", () => {
    const one = layer();
    const masks = { rows: new Uint8Array(9).fill(1), columns: Uint8Array.from([0, 1, 1, 1, 1, 1, 1, 1, 0]) };
    const row = combineHeads(one, [0], "mean", masks).subarray(0, 9);
    expect(row.reduce((a, b) => a + b, 0)).toBeLessThan(0.999);
  });

  it("are all zero when no head is chosen", () => {
    expect(combineHeads(layer(), [], "mean", keepAll(9, 9)).every((value) => value === 0)).toBe(true);
  });
});

describe("the top X % of attention", () => {
  const one = layer(3, 12, 12, 4);
  const matrix = combineHeads(one, [0, 1, 2], "mean", keepAll(12, 12));
  const rows = oracle.combined(cube(one), [0, 1, 2], "mean");

  it.each([0, 1, 30, 50, 70, 90, 99, 100])(
    "takes each row's strongest edges until %i %% are reached, the crossing one included",
    (percent) => {
      const edges = topEdges(matrix, 12, 12, percent);
      rows.forEach((_, q) => {
        const row = Array.from(matrix.subarray(q * 12, (q + 1) * 12));
        const found = [...edges.target].filter((_, i) => edges.source[i] === q);
        expect(found).toEqual(oracle.top(row, percent).sort((a, b) => a - b));
      });
    },
  );

  it("is of what remains when tokens are zeroed", () => {
    const masks = someMasks(12, 12);
    const zeroed = combineHeads(one, [1], "mean", masks);
    const edges = topEdges(zeroed, 12, 12, 60);
    for (let q = 0; q < 12; q++) {
      const found = [...edges.target].filter((_, i) => edges.source[i] === q);
      expect(found).toEqual(oracle.top(Array.from(zeroed.subarray(q * 12, (q + 1) * 12)), 60).sort((a, b) => a - b));
    }
  });

  it("takes equal weights by the order of their keys", () => {
    const edges = topEdges(Float32Array.from([0.25, 0.25, 0.25, 0.25]), 1, 4, 50);
    expect([...edges.target]).toEqual([0, 1]);
  });

  it("never takes an edge without attention", () => {
    expect(topEdges(Float32Array.from([0, 0.5, 0, 0]), 1, 4, 100).count).toBe(1);
    expect(topEdges(new Float32Array(4), 1, 4, 100).count).toBe(0);
  });

  it("gives the edges by row and key, and the strongest weight of all", () => {
    const edges = topEdges(Float32Array.from([0.1, 0.6, 0.3, 0.9, 0.05, 0.05]), 2, 3, 100);
    expect([...edges.target]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(edges.maxWeight).toBeCloseTo(0.9, 6);
  });
});

describe("head matrices", () => {
  const one = layer(4, 7, 10, 3);
  const masks = someMasks(7, 10);

  it("show on the left what a token gives, mean over the keys", () => {
    near(headMatrix(one, "outgoing", masks), oracle.outgoing(masked(one, masks), null).flat());
  });

  it("show on the right what a token gets, mean over the queries", () => {
    near(headMatrix(one, "incoming", masks), oracle.incoming(masked(one, masks), null).flat());
  });

  it("are restricted to a token that is chosen on the other side", () => {
    near(headMatrix(one, "outgoing", masks, 3), oracle.outgoing(masked(one, masks), 3).flat());
    near(headMatrix(one, "incoming", masks, 5), oracle.incoming(masked(one, masks), 5).flat());
  });
});

describe("the strongest head of an edge", () => {
  it("is the chosen head with the largest weight", () => {
    const one = layer(6, 5, 5, 2);
    const all = cube(one);
    for (let q = 0; q < 5; q++) {
      for (let k = 0; k < 5; k++) {
        const best = [1, 3, 5].reduce((a, b) => (all[b][q][k] > all[a][q][k] ? b : a));
        expect(strongestHead(one, [1, 3, 5], q, k)).toBe(best);
      }
    }
  });

  it("is none when no head is chosen", () => {
    expect(strongestHead(layer(), [], 0, 0)).toBe(-1);
  });
});
