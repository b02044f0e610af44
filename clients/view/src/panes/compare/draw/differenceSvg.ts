/** The curves of what changed from A to B: where they run, and the picture as a standalone SVG. */
import { curveBumpX, link } from "d3-shape";
import type { Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import type { DifferenceEdge } from "../logic/differences";

export const ROW = 22;
const CHARACTER = 7.4;

export interface DifferenceLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
}

/** Names take what they need, at most a third of the width each. */
export function layoutDifference(width: number, names: readonly string[]): DifferenceLayout {
  const longest = names.reduce((most, name) => Math.max(most, name.length), 1);
  const taken = Math.min(longest * CHARACTER + 14, width / 3);
  return { width, height: names.length * ROW, left: taken, right: width - taken };
}

export interface DifferenceCurve {
  readonly d: string;
  readonly more: boolean;
  readonly width: number;
  readonly edge: DifferenceEdge;
}

/** Thicker: a larger difference. The largest are drawn last. */
export function differenceCurves(edges: readonly DifferenceEdge[], layout: DifferenceLayout): DifferenceCurve[] {
  const path = link<DifferenceEdge, [number, number]>(curveBumpX)
    .source(({ source }) => [layout.left + 4, (source + 0.5) * ROW])
    .target(({ target }) => [layout.right - 4, (target + 0.5) * ROW])
    .digits(1);
  const most = Math.abs(edges[0]?.difference ?? 1);
  return [...edges].reverse().map((edge) => ({
    d: path(edge) ?? "",
    more: edge.difference > 0,
    width: 0.8 + 4.2 * (Math.abs(edge.difference) / most),
    edge,
  }));
}

/** Less attention is dashed as well, so that it is told apart without color. */
export const DASHES = "6 4";

export function differenceSvg(
  edges: readonly DifferenceEdge[],
  names: readonly string[],
  title: string,
  legend: string,
  ink: Ink,
): string {
  const layout = layoutDifference(620, names);
  const [r, g, b] = ink.heat;
  const curves = differenceCurves(edges, layout).map(({ d, more, width }) =>
    element("path", {
      d,
      fill: "none",
      stroke: more ? `rgb(${r},${g},${b})` : ink.tick,
      "stroke-width": width,
      "stroke-dasharray": more ? null : DASHES,
    }),
  );
  const text = (x: number, anchor: string) =>
    names.map((name, i) => label(name, { x, y: (i + 0.5) * ROW + 4.5, "text-anchor": anchor, fill: ink.text }));
  const content =
    label(title, { x: 12, y: 20, fill: ink.text, "font-weight": "bold" }) +
    element(
      "g",
      { transform: "translate(12,34)" },
      [...curves, ...text(layout.left - 4, "end"), ...text(layout.right + 4, "start")].join(""),
    ) +
    label(legend, { x: 12, y: layout.height + 54, fill: ink.muted, "font-size": 11 });
  return svgDocument(644, layout.height + 66, title, ink.background, content);
}
