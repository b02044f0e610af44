/** Which curves to draw, and how: the shared middle of canvas and SVG. */

import type { Theme } from "../../../host";
import { headColor, type Mode } from "../../../logic/palette";
import { type Edges, strongestHead } from "../logic/attention";
import type { Focus, Picture } from "../logic/picture";
import type { AttentionLayout } from "./layout";

/** More than this at once is a grey blur and a slow one; the strongest are drawn, and the view says so. */
export const MOST_CURVES = 1500;

export interface Curve {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly color: string;
  readonly width: number;
  /** 0..1 */
  readonly alpha: number;
}

/** Rows that are in sight, half-open. */
export interface Window {
  readonly first: number;
  readonly last: number;
}

function inFocus(edges: Edges, i: number, focus: Focus | null): boolean {
  if (focus === null) return true;
  return focus.side === "left" ? edges.source[i] === focus.row : edges.target[i] === focus.row;
}

/** Edges of the inspected token come before all others. */
const FIRST = 1000;

function isInSight({ source, target }: Edges, i: number, { first, last }: Window): boolean {
  return (source[i] >= first && source[i] < last) || (target[i] >= first && target[i] < last);
}

/** How many edges have an end in sight and are yet not drawn, because there are too many. */
export function countHidden(edges: Edges, window: Window): number {
  let n = 0;
  for (let i = 0; i < edges.count; i++) if (isInSight(edges, i, window)) n++;
  return Math.max(0, n - MOST_CURVES);
}

/** Indices of edges that have an end in sight, the strongest `MOST_CURVES` of them, weakest first. */
export function visibleEdges(edges: Edges, window: Window, focus: Focus | null): number[] {
  const { count, weight } = edges;
  const touching = new Int32Array(count);
  const rank = new Float32Array(count);
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (!isInSight(edges, i, window)) continue;
    touching[n] = i;
    rank[n++] = (focus !== null && inFocus(edges, i, focus) ? FIRST : 0) + weight[i];
  }
  const least = n <= MOST_CURVES ? Number.NEGATIVE_INFINITY : rank.slice(0, n).sort()[n - MOST_CURVES];
  const places: number[] = [];
  for (let i = 0; i < n && places.length < MOST_CURVES; i++) if (rank[i] >= least) places.push(i);
  places.sort((a, b) => rank[a] - rank[b]);
  return places.map((i) => touching[i]);
}

/** In high contrast the curves beside the inspected token stay in sight. */
export function leastAlphaOf(theme: Theme): number {
  return theme === "highContrast" || theme === "highContrastLight" ? 0.3 : 0;
}

/**
 * Thickness and opacity grow with the weight relative to the strongest edge of the picture. With a token looked
 * at (`focused` not null), its edges stand out and the others step back. In a crowd (`thin` below 1) only the strongest
 * stay broad, and of the others none is broader than a pixel: more would be a blur, and lines of more than a pixel take
 * several times as long to draw where no graphics card does it.
 */
export function style(
  relative: number,
  focused: boolean | null,
  thin = 1,
  least = 0,
): { width: number; alpha: number } {
  const broad = 0.6 + 4.2 * relative ** (focused === true ? 0.8 : 0.8 / thin);
  const width = broad < Math.min(1.5, 2 - thin) ? Math.min(1, broad) : broad;
  const alpha = 0.16 * thin + (0.9 - 0.16 * thin) * relative;
  if (focused === null) return { width, alpha };
  return { width, alpha: focused ? 0.35 + 0.65 * Math.sqrt(relative) : Math.max(least, 0.15 * alpha + 0.02) };
}

/** The curves to draw, the most important last. */
export function curvesOf(
  picture: Picture,
  layout: AttentionLayout,
  options: { readonly window: Window; readonly mode: Mode; readonly leastAlpha?: number },
): Curve[] {
  const { edges, layer, chosen, focus } = picture;
  const shown = visibleEdges(edges, options.window, focus);
  // thousands of faint curves would add up to a dark blur
  const thin = Math.min(1, 400 / shown.length);
  const half = layout.rowHeight / 2;
  const only = chosen.length === 1 ? headColor(layer.heads[chosen[0]], options.mode) : null;
  return shown.map((i): Curve => {
    const source = edges.source[i];
    const target = edges.target[i];
    const relative = edges.maxWeight > 0 ? edges.weight[i] / edges.maxWeight : 0;
    const color =
      only ?? headColor(layer.heads[Math.max(0, strongestHead(layer, chosen, source, target))], options.mode);
    return {
      x0: layout.curvesLeft,
      y0: source * layout.rowHeight + half,
      x1: layout.curvesRight,
      y1: target * layout.rowHeight + half,
      color,
      ...style(relative, focus === null ? null : inFocus(edges, i, focus), thin, options.leastAlpha),
    };
  });
}
