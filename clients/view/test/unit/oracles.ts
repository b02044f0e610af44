/** Slow, plain re-statements of the definitions, written from the text and not from the code under test. */

export type Cube = readonly (readonly (readonly number[])[])[]; // [head][query][key]

export function cubeOf(values: Float32Array, nHeads: number, nQueries: number, nKeys: number): number[][][] {
  return Array.from({ length: nHeads }, (_, h) =>
    Array.from({ length: nQueries }, (_, q) =>
      Array.from(values.slice((h * nQueries + q) * nKeys, (h * nQueries + q + 1) * nKeys)),
    ),
  );
}

/** Zeroes rows and columns; nothing is renormalized. */
export function zeroed(cube: Cube, rows: readonly boolean[], columns: readonly boolean[]): number[][][] {
  return cube.map((head) => head.map((row, q) => row.map((value, k) => (rows[q] && columns[k] ? value : 0))));
}

export function combined(cube: Cube, heads: readonly number[], how: "mean" | "sum"): number[][] {
  return cube[0].map((row, q) =>
    row.map((_, k) => {
      const total = heads.reduce((sum, h) => sum + cube[h][q][k], 0);
      return how === "sum" || heads.length === 0 ? total : total / heads.length;
    }),
  );
}

/** Edges of a row in descending order until their total is at least X % of the row; the crossing one counts. */
export function top(row: readonly number[], percent: number): number[] {
  const order = row.map((value, key) => ({ value, key })).sort((a, b) => b.value - a.value || a.key - b.key);
  const wanted = (percent / 100) * order.reduce((sum, { value }) => sum + value, 0);
  const taken: number[] = [];
  let running = 0;
  for (const { value, key } of order) {
    if (running >= wanted || value === 0) break;
    taken.push(key);
    running += value;
  }
  return taken;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** [query][head] mean over keys, or the weight of one key. */
export function outgoing(cube: Cube, only: number | null): number[][] {
  return cube[0].map((_, q) => cube.map((head) => (only === null ? mean(head[q]) : head[q][only])));
}

/** [key][head] mean over queries, or the weight of one query. */
export function incoming(cube: Cube, only: number | null): number[][] {
  return cube[0][0].map((_, k) =>
    cube.map((head) => (only === null ? mean(head.map((row) => row[k])) : head[only][k])),
  );
}

/** Sum over a word's keys, mean over its queries. */
export function byWord(
  cube: Cube,
  queries: readonly (readonly number[])[],
  keys: readonly (readonly number[])[],
): number[][][] {
  return cube.map((head) =>
    queries.map((group) => keys.map((word) => mean(group.map((q) => word.reduce((sum, k) => sum + head[q][k], 0))))),
  );
}
