/** The attention picture on a canvas the size of what is in sight. */
import { curveBumpX, link } from "d3-shape";
import { heat, type Ink } from "../../../draw/ink";
import type { Mode } from "../../../logic/palette";
import { headColor } from "../../../logic/palette";
import type { Picture } from "../logic/picture";
import { type Curve, curvesOf, type Window } from "./curves";
import type { AttentionLayout } from "./layout";

export interface Scene {
  readonly picture: Picture;
  readonly layout: AttentionLayout;
  readonly window: Window;
  /** Pixels that the rows are scrolled up by. */
  readonly scrollTop: number;
  readonly height: number;
  readonly ink: Ink;
  readonly mode: Mode;
  /** No curve is fainter. */
  readonly leastAlpha?: number;
  /** Ink of a cell without attention. */
  readonly leastInk?: number;
  /** Position on the head axis under the pointer. */
  readonly preview: number | null;
}

/** Steps of thickness and opacity; curves of one step and color are one stroke. */
const STEPS = 16;

function strokeCurves(context: CanvasRenderingContext2D, curves: readonly Curve[]): void {
  const batches = new Map<string, Curve[]>();
  for (const curve of curves) {
    const key = `${curve.color} ${Math.round(curve.alpha * STEPS)} ${Math.round(curve.width * 3)}`;
    const batch = batches.get(key);
    if (batch === undefined) batches.set(key, [curve]);
    else batch.push(curve);
  }
  const path = link<Curve, [number, number]>(curveBumpX)
    .source((curve) => [curve.x0, curve.y0])
    .target((curve) => [curve.x1, curve.y1])
    .context(context);
  context.lineCap = "round";
  for (const batch of batches.values()) {
    context.beginPath();
    for (const curve of batch) path(curve);
    context.strokeStyle = batch[0].color;
    context.globalAlpha = batch[0].alpha;
    context.lineWidth = batch[0].width;
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** What counts as full ink; more than the maximum when all cells are nearly alike, so that a flat matrix looks flat. */
export function fullInk(values: Float32Array): number {
  let most = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) {
    if (value > most) most = value;
    if (value > 0 && value < least) least = value;
  }
  return least > 0.97 * most ? 4 * most : most;
}

function drawMatrix(context: CanvasRenderingContext2D, scene: Scene, side: "left" | "right"): void {
  const { picture, layout, window, ink, mode } = scene;
  const matrix = side === "left" ? picture.leftMatrix : picture.rightMatrix;
  const rows = side === "left" ? picture.layer.nQueries : picture.layer.nKeys;
  const { cell, nHeads, rowHeight } = layout;
  const x = side === "left" ? layout.leftMatrix : layout.rightMatrix;
  const most = fullInk(matrix) || 1;
  const gap = cell >= 5 ? 1 : 0;
  const least = scene.leastInk ?? 0.04;
  const last = Math.min(window.last, rows);
  for (let row = window.first; row < last; row++) {
    for (let head = 0; head < nHeads; head++) {
      const value = matrix[row * nHeads + head] / most;
      context.fillStyle = heat(ink, least + (1 - least) * value);
      context.fillRect(x + head * cell, row * rowHeight + 1, cell - gap, rowHeight - 2);
    }
  }
  outlineChosen(context, scene, x, rows, mode);
}

const ASIDE_WIDTH = 3;

/** A thin bar beside each token on the left: the share of its attention that rests on special tokens. */
function drawAside(context: CanvasRenderingContext2D, scene: Scene): void {
  const { picture, layout, window, ink } = scene;
  const x = layout.leftTokens - ASIDE_WIDTH - 2;
  const most = layout.rowHeight - 4;
  const last = Math.min(window.last, picture.layer.nQueries);
  for (let row = window.first; row < last; row++) {
    const bottom = (row + 1) * layout.rowHeight - 2;
    const height = most * Math.min(1, picture.aside.shares[row]);
    context.fillStyle = ink.line;
    context.fillRect(x, bottom - most, ASIDE_WIDTH, most);
    context.fillStyle = ink.muted;
    context.fillRect(x, bottom - height, ASIDE_WIDTH, height);
  }
}

/** Columns of the chosen heads are framed in their color, unless all are chosen. */
function outlineChosen(context: CanvasRenderingContext2D, scene: Scene, x: number, rows: number, mode: Mode): void {
  const { picture, layout } = scene;
  const all = picture.chosen.length === layout.nHeads;
  const framed = scene.preview !== null ? [scene.preview] : all ? [] : picture.chosen;
  for (const head of framed) {
    context.strokeStyle = headColor(picture.layer.heads[head], mode);
    context.lineWidth = 2;
    context.strokeRect(x + head * layout.cell - 1, 1, layout.cell + 1, rows * layout.rowHeight - 2);
  }
}

/** Draws the scene; the context is already scaled to CSS pixels. */
export function drawAttention(context: CanvasRenderingContext2D, scene: Scene): void {
  context.clearRect(0, 0, scene.layout.width, scene.height);
  context.save();
  context.translate(0, -scene.scrollTop);
  drawMatrix(context, scene, "left");
  drawMatrix(context, scene, "right");
  drawAside(context, scene);
  strokeCurves(context, curvesOf(scene.picture, scene.layout, scene));
  context.restore();
}
