/** All layers × heads as a standalone SVG, for export. */

import { heat, type Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import { headColor, type Mode } from "../../../logic/palette";
import type { Thumbnails } from "../logic/thumbnails";
import { layoutOverview, overviewSize } from "./overview";

export interface OverviewDrawing {
  readonly thumbnails: readonly (Thumbnails | null)[];
  readonly nHeads: number;
  readonly hideSpecial: boolean;
  readonly title: string;
  readonly ink: Ink;
  readonly mode: Mode;
}

const CELL = 32;
const TOP = 46;
const MARGIN = 12;
/** Steps of opacity: cells of one step are one path, or a model of many heads would be a file of many megabytes. */
const STEPS = 10;

/** The cells of one head in units of a cell, a path for each step of opacity; as on the screen it is the root of the weight. */
export function headPaths(thumbnails: Thumbnails, head: number, hideSpecial: boolean): string[] {
  const { rows, columns } = thumbnails;
  const values = hideSpecial ? thumbnails.plain : thumbnails.all;
  const paths = Array.from({ length: STEPS + 1 }, () => "");
  for (let i = 0; i < rows * columns; i++) {
    const step = Math.round(STEPS * Math.sqrt(Math.min(1, values[head * rows * columns + i])));
    if (step > 0) paths[step] += `M${i % columns} ${Math.floor(i / columns)}h1v1h-1z`;
  }
  return paths;
}

function oneHead(drawing: OverviewDrawing, thumbnails: Thumbnails, head: number): string {
  const color = headColor(thumbnails.heads[head], drawing.mode);
  return headPaths(thumbnails, head, drawing.hideSpecial)
    .map((d, step) => (d === "" ? "" : element("path", { d, fill: color, "fill-opacity": step / STEPS })))
    .join("");
}

export function overviewSvg(drawing: OverviewDrawing): string {
  const { thumbnails, nHeads, ink } = drawing;
  const layout = layoutOverview(24 + nHeads * (CELL + 4), thumbnails.length, nHeads);
  const step = layout.cell + layout.gap;
  const small = { fill: ink.muted, "font-size": 11 };
  let content = label(drawing.title, { x: MARGIN, y: 18, fill: ink.text, "font-weight": "bold" });
  for (let head = 0; head < nHeads; head++) {
    content += label(String(head), {
      x: MARGIN + layout.left + head * step + layout.cell / 2,
      y: TOP - 7,
      "text-anchor": "middle",
      ...small,
    });
  }
  thumbnails.forEach((one, layer) => {
    const y = TOP + layer * step;
    content += label(String(layer), {
      x: MARGIN + layout.left - 7,
      y: y + layout.cell / 2 + 4,
      "text-anchor": "end",
      ...small,
    });
    for (let head = 0; head < nHeads; head++) {
      const x = MARGIN + layout.left + head * step;
      content += element("rect", {
        x,
        y,
        width: layout.cell,
        height: layout.cell,
        fill: heat(ink, 0.05),
        stroke: ink.line,
      });
      if (one === null || head >= one.heads.length) continue;
      const scale = `translate(${x},${y}) scale(${layout.cell / one.columns},${layout.cell / one.rows})`;
      content += element("g", { transform: scale, "shape-rendering": "crispEdges" }, oneHead(drawing, one, head));
    }
  });
  const { width, height } = overviewSize(layout);
  return svgDocument(width + 2 * MARGIN, height + TOP + MARGIN, drawing.title, ink.background, content);
}
