/** What hidden states predict, layers as rows and tokens as columns. */
import { sequential } from "../../../draw/headMap";
import type { Ink } from "../../../draw/ink";
import type { MatrixCell, MatrixData } from "../../../draw/matrix";
import * as format from "../../../logic/format";
import type { LensLayer, Token } from "../../../protocol";
import type { LensColumn } from "../state";
import { visible } from "./names";

/** Each token takes a request, so a long text is read at its last tokens. */
export const MOST_PLACES = 48;

/** Where the lens is read: the last token first, because that is what people ask about. */
export function lensPlaces(tokens: readonly Token[]): number[] {
  const plain = tokens.filter(({ isSpecial, isMasked }) => !isSpecial || isMasked).map(({ index }) => index);
  return plain.reverse().slice(0, MOST_PLACES);
}

function cellOf(layer: LensLayer | undefined, final: string, ink: Ink): MatrixCell {
  const top = layer?.top[0];
  if (layer === undefined || top === undefined) return { value: null, color: null, text: "", spoken: "not read yet" };
  const { targetRank, targetProbability } = layer;
  const text = visible(top.token);
  return {
    value: targetProbability,
    color: sequential(targetProbability, ink),
    text,
    spoken: `“${text}” is likeliest, ${format.percent(top.probability, 1)}; “${final}”, which comes out at the end, is number ${targetRank.toLocaleString("en")} with ${format.percent(targetProbability, 1)}`,
  };
}

/** Rows are hidden states; columns are the tokens that were read so far. */
export function lensMatrix(columns: readonly LensColumn[], names: readonly string[], ink: Ink): MatrixData {
  const nStates = Math.max(0, ...columns.map(({ lens }) => lens.length));
  const finals = columns.map(({ lens }) => visible(lens.at(-1)?.top[0]?.token ?? ""));
  return {
    rowKind: "state",
    columnKind: "token",
    rowNames: Array.from({ length: nStates }, (_, i) => String(columns[0].lens[i]?.hiddenLayer ?? i)),
    columnNames: columns.map(({ token }) => names[token] ?? String(token)),
    cells: Array.from({ length: nStates }, (_, row) =>
      columns.map(({ lens }, column) => cellOf(lens[row], finals[column], ink)),
    ),
  };
}
