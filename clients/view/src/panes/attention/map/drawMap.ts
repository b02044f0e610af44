/** The heat map on a canvas: the part in sight, names along its sides, and what is looked at. */
import { heat, type Ink } from "../../../draw/ink";
import * as format from "../../../logic/format";
import type { Level } from "./levels";
import { levelFor } from "./levels";
import { drawChosenNames, GUTTER, type NameSheet, type Names } from "./nameSheet";
import type { Cell, Viewport } from "./viewport";

/** Cells of this size show their numbers. */
const NUMBER_CELL = 36;

export interface MapScene {
  readonly levels: readonly Level[];
  /** Each level as an image; made when it is first needed. */
  readonly images: (HTMLCanvasElement | undefined)[];
  readonly matrix: Float32Array;
  readonly view: Viewport;
  /** Pixels of the square that the matrix fills. */
  readonly side: number;
  readonly ink: Ink;
  readonly names: Names;
  /** Keeps the names of the last scene. */
  readonly sheet: NameSheet;
  readonly cross: Cell | null;
  /** The pinned row or column; null for none. */
  readonly pinned: { readonly row: number | null; readonly column: number | null };
  /** Rows that the curves show, half-open; null where there are none. */
  readonly band: { readonly first: number; readonly last: number } | null;
}

/** One color; its opacity is the value. */
function imageOf(level: Level, { heat: [red, green, blue] }: Ink): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = level.columns;
  canvas.height = level.rows;
  const pixels = new Uint8ClampedArray(level.values.length * 4);
  // bytes in memory order: red, green, blue, alpha
  const words = new Uint32Array(pixels.buffer);
  const color = new Uint32Array(new Uint8Array([red, green, blue, 0]).buffer)[0];
  const alpha = Array.from({ length: 256 }, (_, a) => new Uint32Array(new Uint8Array([0, 0, 0, a]).buffer)[0]);
  const colors = Uint32Array.from(alpha, (a) => (color | a) >>> 0);
  for (let i = 0; i < words.length; i++) words[i] = colors[level.values[i]];
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, level.columns, level.rows), 0, 0);
  return canvas;
}

function drawCells(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { levels, images, view, side, ink } = scene;
  const ratio = globalThis.devicePixelRatio || 1;
  const chosen = levelFor(levels, Math.max(view.width, view.height), side * ratio);
  images[chosen] ??= imageOf(levels[chosen], ink);
  const scale = 2 ** chosen;
  context.imageSmoothingEnabled = false;
  context.drawImage(
    images[chosen] as HTMLCanvasElement,
    view.x / scale,
    view.y / scale,
    view.width / scale,
    view.height / scale,
    0,
    0,
    side,
    side,
  );
}

function drawNumbers(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { view, side, matrix, levels, ink } = scene;
  const cell = { width: side / view.width, height: side / view.height };
  if (Math.min(cell.width, cell.height) < NUMBER_CELL) return;
  context.font = "10px system-ui, sans-serif";
  context.textAlign = "center";
  const { rows, columns, values } = levels[0];
  for (let row = Math.floor(view.y); row < Math.min(rows, view.y + view.height); row++)
    for (let column = Math.floor(view.x); column < Math.min(columns, view.x + view.width); column++) {
      context.fillStyle = values[row * columns + column] > 140 ? ink.background : ink.text;
      context.fillText(
        format.weight(matrix[row * columns + column]),
        (column + 0.5 - view.x) * cell.width,
        (row + 0.5 - view.y) * cell.height,
      );
    }
}

/** A strip across the map around one row or column, at least two pixels thin. */
function strip(context: CanvasRenderingContext2D, scene: MapScene, axis: "row" | "column", index: number): void {
  const { view, side } = scene;
  const [from, count] = axis === "row" ? [view.y, view.height] : [view.x, view.width];
  const cell = side / count;
  const at = (index - from) * cell;
  if (at + cell < 0 || at > side) return;
  if (axis === "row") context.strokeRect(0, at, side, Math.max(2, cell));
  else context.strokeRect(at, 0, Math.max(2, cell), side);
}

function drawMarks(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { view, side, ink, cross, pinned, band } = scene;
  if (band !== null) {
    const cell = side / view.height;
    context.fillStyle = heat(ink, 0.08);
    context.fillRect(0, (band.first - view.y) * cell, side, (band.last - band.first) * cell);
    context.fillStyle = ink.muted;
    context.fillRect(side + 2, (band.first - view.y) * cell, 3, (band.last - band.first) * cell);
  }
  context.lineWidth = 1;
  context.strokeStyle = ink.tick;
  if (pinned.row !== null) strip(context, scene, "row", pinned.row);
  if (pinned.column !== null) strip(context, scene, "column", pinned.column);
  context.strokeStyle = ink.muted;
  if (cross !== null) {
    strip(context, scene, "row", cross.row);
    strip(context, scene, "column", cross.column);
  }
}

/** Draws the scene; the context is already scaled to CSS pixels. */
export function drawMap(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { side, ink } = scene;
  context.clearRect(0, 0, side + GUTTER + 8, side + GUTTER + 2);
  scene.sheet.put(context, scene);
  context.save();
  context.translate(GUTTER, GUTTER);
  drawChosenNames(context, scene);
  context.save();
  context.beginPath();
  context.rect(0, 0, side + 6, side + 1);
  context.clip();
  drawCells(context, scene);
  drawMarks(context, scene);
  drawNumbers(context, scene);
  context.restore();
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  context.strokeRect(-0.5, -0.5, side + 1, side + 1);
  context.restore();
}
