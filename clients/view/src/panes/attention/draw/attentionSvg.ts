/** The attention picture as a standalone SVG: for export, and for snapshots in tests. */
import { curveBumpX, link } from "d3-shape";
import { heat, type Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import { headColor, type Mode } from "../../../logic/palette";
import type { Picture } from "../logic/picture";
import { fullInk } from "./attentionCanvas";
import { type Curve, curvesOf } from "./curves";
import type { AttentionLayout } from "./layout";

export interface AttentionDrawing {
  readonly picture: Picture;
  readonly layout: AttentionLayout;
  readonly leftLabels: readonly string[];
  readonly rightLabels: readonly string[];
  readonly title: string;
  readonly ink: Ink;
  readonly mode: Mode;
}

const TOP = 44;
const MARGIN = 12;

function matrix(drawing: AttentionDrawing, side: "left" | "right"): string {
  const { picture, layout, ink, mode } = drawing;
  const values = side === "left" ? picture.leftMatrix : picture.rightMatrix;
  const rows = side === "left" ? picture.layer.nQueries : picture.layer.nKeys;
  const x = side === "left" ? layout.leftMatrix : layout.rightMatrix;
  const most = fullInk(values) || 1;
  let out = "";
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < layout.nHeads; head++) {
      out += element("rect", {
        x: x + head * layout.cell,
        y: row * layout.rowHeight + 1,
        width: layout.cell - 1,
        height: layout.rowHeight - 2,
        fill: heat(ink, 0.04 + (0.96 * values[row * layout.nHeads + head]) / most),
      });
    }
  }
  if (picture.chosen.length === layout.nHeads) return out;
  for (const head of picture.chosen) {
    out += element("rect", {
      x: x + head * layout.cell - 1,
      y: 1,
      width: layout.cell + 1,
      height: rows * layout.rowHeight - 2,
      fill: "none",
      stroke: headColor(picture.layer.heads[head], mode),
      "stroke-width": 2,
    });
  }
  return out;
}

function tokens(drawing: AttentionDrawing, side: "left" | "right"): string {
  const { layout, ink } = drawing;
  const { focus } = drawing.picture;
  const labels = side === "left" ? drawing.leftLabels : drawing.rightLabels;
  const x = side === "left" ? layout.leftTokens + layout.tokenWidth : layout.rightTokens;
  return labels
    .map((text, row) =>
      label(text, {
        x,
        y: row * layout.rowHeight + layout.rowHeight / 2 + 4.5,
        "text-anchor": side === "left" ? "end" : "start",
        fill: ink.text,
        "font-weight": focus?.side === side && focus.row === row ? "bold" : null,
      }),
    )
    .join("");
}

function curves(drawing: AttentionDrawing): string {
  const path = link<Curve, [number, number]>(curveBumpX)
    .source((curve) => [curve.x0, curve.y0])
    .target((curve) => [curve.x1, curve.y1])
    .digits(1);
  const { picture, layout, mode } = drawing;
  const window = { first: 0, last: Math.max(picture.layer.nQueries, picture.layer.nKeys) };
  const drawn = curvesOf(picture, layout, { window, mode });
  return drawn
    .map((curve) =>
      element("path", {
        d: path(curve) ?? "",
        fill: "none",
        stroke: curve.color,
        "stroke-width": curve.width,
        "stroke-opacity": curve.alpha,
        "stroke-linecap": "round",
      }),
    )
    .join("");
}

export function attentionSvg(drawing: AttentionDrawing): string {
  const { layout, picture, ink } = drawing;
  const rows = Math.max(picture.layer.nQueries, picture.layer.nKeys);
  const caption = (text: string, x: number, anchor: string) =>
    label(text, { x, y: -8, "text-anchor": anchor, fill: ink.muted, "font-size": 11 });
  const content =
    label(drawing.title, { x: MARGIN, y: 18, fill: ink.text, "font-weight": "bold" }) +
    element(
      "g",
      { transform: `translate(${MARGIN},${TOP})` },
      caption("from", layout.leftTokens + layout.tokenWidth, "end") +
        caption("to", layout.rightTokens, "start") +
        matrix(drawing, "left") +
        matrix(drawing, "right") +
        curves(drawing) +
        tokens(drawing, "left") +
        tokens(drawing, "right"),
    );
  return svgDocument(
    layout.width + 2 * MARGIN,
    rows * layout.rowHeight + TOP + MARGIN,
    drawing.title,
    ink.background,
    content,
  );
}
