/** The similarity of two texts as a sum over pairs of tokens. */
import { diverging } from "../../../draw/headMap";
import type { Ink } from "../../../draw/ink";
import type { MatrixData } from "../../../draw/matrix";
import { decodeTensor } from "../../../logic/tensor";
import type { Tensor, Token } from "../../../protocol";
import { signed } from "./effects";
import { tokenName } from "./names";

export interface TokenPair {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}

/** Tokens of the first text are rows, those of the second columns. Cells add up to the cosine. */
export function pairMatrix(pairs: Tensor, first: readonly Token[], second: readonly Token[], ink: Ink): MatrixData {
  const { shape, values } = decodeTensor(pairs);
  const [n, m] = shape;
  const most = Math.max(1e-9, ...values.map(Math.abs));
  return {
    rowKind: "token",
    columnKind: "token",
    rowNames: Array.from({ length: n }, (_, i) => (first[i] === undefined ? String(i) : tokenName(first[i]))),
    columnNames: Array.from({ length: m }, (_, i) => (second[i] === undefined ? String(i) : tokenName(second[i]))),
    cells: Array.from({ length: n }, (_, row) =>
      Array.from(values.subarray(row * m, (row + 1) * m), (value) => ({
        value,
        color: diverging(value / most, ink),
        text: "",
        spoken: `${signed(value, 4)} of the cosine`,
      })),
    ),
  };
}

/** The pairs that add most, either sign. */
export function strongestPairs(data: MatrixData, count: number): TokenPair[] {
  const all = data.cells.flatMap((row, i) => row.map(({ value }, j) => ({ row: i, column: j, value: value ?? 0 })));
  return all.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, count);
}

export function pairLegend(data: MatrixData): string {
  const most = Math.max(0, ...data.cells.flat().map(({ value }) => Math.abs(value ?? 0)));
  return `rows: this text, columns: the other · −: less alike, +: more alike · full color ±${most.toFixed(3)} · all cells add up to the cosine`;
}
