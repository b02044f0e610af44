/** All layers × heads as thumbnails: one canvas, cells in the heads' colors. */

import { heat, type Ink } from "../../../draw/ink";
import { headColor, type Mode, rgb } from "../../../logic/palette";
import type { Thumbnails } from "../logic/thumbnails";

export interface OverviewLayout {
  readonly cell: number;
  readonly gap: number;
  /** Space for layer numbers. */
  readonly left: number;
  readonly nLayers: number;
  readonly nHeads: number;
}

export function layoutOverview(width: number, nLayers: number, nHeads: number): OverviewLayout {
  const left = 24;
  const gap = nHeads > 16 ? 2 : 4;
  const cell = Math.max(12, Math.min(32, Math.floor((width - left) / Math.max(1, nHeads)) - gap));
  return { cell, gap, left, nLayers, nHeads };
}

export function overviewSize(layout: OverviewLayout): { width: number; height: number } {
  const step = layout.cell + layout.gap;
  return { width: layout.left + layout.nHeads * step, height: layout.nLayers * step };
}

/** One head as pixels: opacity is the weight, stretched a little so that weak patterns show. */
export function thumbnailPixels(
  thumbnails: Thumbnails,
  head: number,
  hideSpecial: boolean,
  color: string,
): Uint8ClampedArray<ArrayBuffer> {
  const { rows, columns } = thumbnails;
  const values = hideSpecial ? thumbnails.plain : thumbnails.all;
  const [r, g, b] = rgb(color);
  const pixels = new Uint8ClampedArray(rows * columns * 4);
  const base = head * rows * columns;
  for (let i = 0; i < rows * columns; i++) {
    pixels[4 * i] = r;
    pixels[4 * i + 1] = g;
    pixels[4 * i + 2] = b;
    pixels[4 * i + 3] = 255 * Math.sqrt(values[base + i]);
  }
  return pixels;
}

export function drawOverview(
  context: CanvasRenderingContext2D,
  layout: OverviewLayout,
  thumbnails: readonly (Thumbnails | null)[],
  options: { readonly hideSpecial: boolean; readonly ink: Ink; readonly mode: Mode },
): void {
  const { cell, gap, left, nHeads } = layout;
  const { width, height } = overviewSize(layout);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  const scratch = document.createElement("canvas");
  const inner = scratch.getContext("2d");
  thumbnails.forEach((layer, row) => {
    for (let head = 0; head < nHeads; head++) {
      const x = left + head * (cell + gap);
      const y = row * (cell + gap);
      context.fillStyle = heat(options.ink, 0.05);
      context.fillRect(x, y, cell, cell);
      if (layer === null || inner === null || head >= layer.heads.length) continue;
      scratch.width = layer.columns;
      scratch.height = layer.rows;
      const pixels = thumbnailPixels(layer, head, options.hideSpecial, headColor(layer.heads[head], options.mode));
      inner.putImageData(new ImageData(pixels, layer.columns, layer.rows), 0, 0);
      context.drawImage(scratch, x, y, cell, cell);
    }
  });
}
