/** Rows × columns as colored cells: what a cell shows, and the picture as a standalone SVG. */
import type { Table } from "../logic/csv";
import { inkOn } from "../logic/palette";
import type { Ink } from "./ink";
import { element, label, svgDocument } from "./svg";

export interface MatrixCell {
  /** The number behind the color, for tables. null: not known. */
  readonly value: number | null;
  /** A plain color; null: nothing to show. */
  readonly color: string | null;
  /** What stands in the cell; "" for nothing. */
  readonly text: string;
  /** The value in words; it holds `text`, so that the cell can be called by what is seen. */
  readonly spoken: string;
}

export interface MatrixData {
  readonly rowNames: readonly string[];
  readonly columnNames: readonly string[];
  /** `[row][column]` */
  readonly cells: readonly (readonly MatrixCell[])[];
  /** What a row and a column are: "state", "token". */
  readonly rowKind: string;
  readonly columnKind: string;
}

const CHARACTER = 6.4;
const ROW = 20;
const TITLE = 40;

function widest(names: readonly string[]): number {
  return names.reduce((most, name) => Math.max(most, name.length), 1) * CHARACTER;
}

/** Cells are as wide as what stands in them; names of columns stand upright. */
export function matrixSvg(data: MatrixData, title: string, legend: string, ink: Ink): string {
  const longest = Math.max(0, ...data.cells.flat().map(({ text }) => text.length));
  const width = Math.max(24, longest * CHARACTER + 6);
  const left = 16 + widest(data.rowNames);
  const top = TITLE + widest(data.columnNames);
  const small = { fill: ink.muted, "font-size": 11 };
  const columns = data.columnNames.map((name, i) => {
    const x = left + (i + 0.5) * width + 4;
    return label(name, { x, y: top - 6, transform: `rotate(-90 ${x} ${top - 6})`, ...small });
  });
  const rows = data.rowNames.map((name, i) =>
    label(name, { x: left - 8, y: top + (i + 0.5) * ROW + 4, "text-anchor": "end", ...small }),
  );
  const cells = data.cells.flatMap((row, i) =>
    row.map(({ color, text }, j) => {
      const fill = color ?? ink.background;
      const at = { x: left + j * width, y: top + i * ROW };
      const middle = { x: at.x + (width - 1) / 2, y: at.y + ROW / 2 + 3, "text-anchor": "middle" };
      return (
        element("rect", { ...at, width: width - 1, height: ROW - 1, fill, stroke: ink.line }) +
        (text === "" ? "" : label(text, { ...middle, "font-size": 10, fill: inkOn(fill) }))
      );
    }),
  );
  const bottom = top + data.cells.length * ROW;
  const content =
    label(title, { x: 12, y: 20, fill: ink.text, "font-weight": "bold" }) +
    [...columns, ...rows, ...cells].join("") +
    label(legend, { x: 12, y: bottom + 20, ...small });
  const right = left + data.columnNames.length * width + 12;
  return svgDocument(
    Math.max(right, 24 + CHARACTER * Math.max(title.length * 1.15, legend.length)),
    bottom + 32,
    title,
    ink.background,
    content,
  );
}

/** One row a cell: names and place of its row and column, and its value. */
export function matrixTable(data: MatrixData, valueName: string): Table {
  const { rowKind, columnKind } = data;
  const columnIndex = rowKind === columnKind ? `${columnKind}2` : columnKind;
  return {
    header: [`${rowKind}Index`, rowKind, `${columnIndex}Index`, columnIndex, valueName, "text"],
    rows: data.cells.flatMap((row, i) =>
      row.map(({ value, text }, j) => [i, data.rowNames[i], j, data.columnNames[j], value, text]),
    ),
  };
}
