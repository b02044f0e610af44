/** Names of rows and columns along the sides of the heat map. They are written once for each part that is in sight. */
import type { Ink } from "../../../draw/ink";
import * as format from "../../../logic/format";
import type { Cell, Viewport } from "./viewport";

/** Room for names, left and top. */
export const GUTTER = 66;
const NAME_STEP = 13;
const NAME_CHARACTERS = 9;

/** A new object for other names. */
export interface Names {
  readonly row: (row: number) => string;
  readonly column: (column: number) => string;
}

/** What names are drawn from. */
export interface NamedScene {
  readonly view: Viewport;
  readonly side: number;
  readonly ink: Ink;
  readonly names: Names;
  readonly cross: Cell | null;
}

/** Places of the cells of one axis that are in sight, thinned out until names fit; in pixels. */
export function namedPlaces(
  from: number,
  count: number,
  side: number,
): { readonly index: number; readonly at: number }[] {
  const cell = side / count;
  const every = Math.max(1, Math.ceil(NAME_STEP / cell));
  const first = Math.ceil(from / every) * every;
  const places: { index: number; at: number }[] = [];
  for (let index = first; index < from + count; index += every) {
    const at = (index + 0.5 - from) * cell;
    if (at >= 0 && at <= side) places.push({ index, at });
  }
  return places;
}

/** Writes the names that are `wanted`; the context stands at the corner of the cells. */
function write(context: CanvasRenderingContext2D, scene: NamedScene, color: string, wanted: (cell: Cell) => boolean) {
  const { view, side, names } = scene;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillStyle = color;
  const put = (name: string) => context.fillText(format.shortened(name, NAME_CHARACTERS), 0, 0);
  context.textAlign = "right";
  for (const { index, at } of namedPlaces(view.y, view.height, side)) {
    if (!wanted({ row: index, column: -1 })) continue;
    context.save();
    context.translate(-5, at);
    put(names.row(index));
    context.restore();
  }
  context.textAlign = "left";
  for (const { index, at } of namedPlaces(view.x, view.width, side)) {
    if (!wanted({ row: -1, column: index })) continue;
    context.save();
    context.translate(at, -5);
    context.rotate(-Math.PI / 2);
    put(names.column(index));
    context.restore();
  }
}

/** The names of the row and column under the crosshair, over those of the sheet. */
export function drawChosenNames(context: CanvasRenderingContext2D, scene: NamedScene): void {
  const { cross, ink } = scene;
  if (cross !== null)
    write(context, scene, ink.text, ({ row, column }) => row === cross.row || column === cross.column);
}

/** All names as an image of the size of the canvas. Text is slow to draw, and a toggled head changes none of it. */
export class NameSheet {
  private readonly sheet = document.createElement("canvas");
  private key: readonly unknown[] = [];

  put(context: CanvasRenderingContext2D, scene: NamedScene): void {
    const { width, height } = context.canvas;
    const { view, side, ink, names } = scene;
    const key = [width, height, side, view.x, view.y, view.width, view.height, ink, names];
    if (key.some((part, i) => part !== this.key[i])) {
      this.key = key;
      this.sheet.width = width;
      this.sheet.height = height;
      const own = this.sheet.getContext("2d");
      if (own === null) return;
      own.setTransform(context.getTransform());
      own.translate(GUTTER, GUTTER);
      write(own, scene, ink.muted, () => true);
    }
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.sheet, 0, 0);
    context.restore();
  }
}
