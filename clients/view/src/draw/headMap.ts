/** Layers × heads as colored cells: the colors, and the picture as a standalone SVG. */
import { inkOn, rgb } from "../logic/palette";
import type { Ink } from "./ink";
import { element, label, svgDocument } from "./svg";

/** What a map shows of a head. */
export interface MapCell {
  readonly layer: number;
  readonly head: number;
  /** A plain color; null: nothing to show. */
  readonly color: string | null;
  /** Lines in the cell. */
  readonly lines: readonly string[];
  /** The value in words, for readers of the screen; it holds the lines, so that the cell can be called by what is seen. */
  readonly spoken: string;
}

function hex(channels: readonly number[]): string {
  return `#${channels.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}`;
}

/** `share` (0..1, clamped) of `color` over `background`, as a color on which text can be measured. */
export function mix(background: string, color: string | readonly [number, number, number], share: number): string {
  const part = Math.min(1, Math.max(0, share));
  const top = typeof color === "string" ? rgb(color) : color;
  return hex(rgb(background).map((channel, i) => channel + part * (top[i] - channel)));
}

/** A value from 0 to 1. */
export function sequential(value: number, ink: Ink): string {
  return mix(ink.background, ink.heat, value);
}

/** A value from −1 to 1: below zero in the color of ticks, above in that of heat. */
export function diverging(value: number, ink: Ink): string {
  return mix(ink.background, value < 0 ? ink.tick : ink.heat, Math.abs(value));
}

const CELL_WIDTH = 56;
const CELL_HEIGHT = 34;
const LEFT = 34;
const TOP = 54;

function cellSvg(cell: MapCell, x: number, y: number, ink: Ink): string {
  const fill = cell.color ?? ink.background;
  const first = y + CELL_HEIGHT / 2 + (cell.lines.length > 1 ? -2 : 4);
  return (
    element("rect", { x, y, width: CELL_WIDTH - 3, height: CELL_HEIGHT - 3, rx: 3, fill, stroke: ink.line }) +
    cell.lines
      .map((line, i) =>
        label(line, {
          x: x + (CELL_WIDTH - 3) / 2,
          y: first + 12 * i,
          "text-anchor": "middle",
          "font-size": 10,
          fill: inkOn(fill),
        }),
      )
      .join("")
  );
}

export function headMapSvg(cells: readonly MapCell[], title: string, legend: string, ink: Ink): string {
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
  const nHeads = 1 + Math.max(0, ...cells.map(({ head }) => head));
  const small = { fill: ink.muted, "font-size": 11 };
  const right = LEFT + nHeads * CELL_WIDTH;
  const bottom = TOP + layers.length * CELL_HEIGHT;
  const content =
    label(title, { x: 12, y: 20, fill: ink.text, "font-weight": "bold" }) +
    Array.from({ length: nHeads }, (_, head) =>
      label(String(head), { x: LEFT + (head + 0.5) * CELL_WIDTH - 2, y: TOP - 6, "text-anchor": "middle", ...small }),
    ).join("") +
    layers
      .map((layer, row) =>
        label(String(layer), { x: LEFT - 8, y: TOP + (row + 0.5) * CELL_HEIGHT + 3, "text-anchor": "end", ...small }),
      )
      .join("") +
    cells
      .map((cell) => cellSvg(cell, LEFT + cell.head * CELL_WIDTH, TOP + layers.indexOf(cell.layer) * CELL_HEIGHT, ink))
      .join("") +
    label(legend, { x: 12, y: bottom + 18, ...small });
  return svgDocument(Math.max(right + 12, 480), bottom + 30, title, ink.background, content);
}
