/** Histograms with base rate, interval and lift as a standalone SVG. */

import type { Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import * as format from "../../../logic/format";
import { labelColor } from "../../../logic/palette";
import type { Bin, Histogram } from "../../../protocol";
import { hasControls, NO_CONTROLS } from "../logic/findings";

const ROW = 20;
const BAR_LEFT = 110;
const BAR_WIDTH = 220;
const WIDTH = 430;

export const SIGNIFICANT = 0.05;

/** Marks of the controls: what the word gives points down from the top, what is attended to up from the bottom. */
function controlMarks(bin: Bin, x: (share: number) => number, ink: Ink): string {
  const look = { fill: ink.text, stroke: ink.background, "stroke-width": 1 };
  const { word, echo, peers } = bin.controls ?? NO_CONTROLS;
  const at = (share: number, path: string) =>
    element("path", { d: path, transform: `translate(${x(share)},0)`, ...look });
  return (
    (word === null ? "" : at(word.share, `M-4 1h8l-4 6z`)) +
    (echo === null ? "" : at(echo.share, `M-4 ${ROW - 1}h8l-4 -6z`)) +
    (peers === null ? "" : at(peers.median, `M0 ${ROW / 2 - 4}l4 4l-4 4l-4 -4z`))
  );
}

function bar(histogram: Histogram, index: number, ink: Ink): string {
  const bin = histogram.bins[index];
  const middle = ROW / 2;
  const x = (share: number) => BAR_LEFT + share * BAR_WIDTH;
  const fill = labelColor(bin.label, histogram.attribute) ?? ink.muted;
  return (
    label(bin.label, { x: BAR_LEFT - 6, y: middle + 4, "text-anchor": "end", fill: ink.text }) +
    element("rect", { x: BAR_LEFT, y: 3, width: BAR_WIDTH, height: ROW - 6, fill: ink.line, "fill-opacity": 0.5 }) +
    element("rect", { x: BAR_LEFT, y: 3, width: bin.share * BAR_WIDTH, height: ROW - 6, fill }) +
    element("line", {
      x1: x(bin.low),
      x2: x(bin.high),
      y1: middle,
      y2: middle,
      stroke: ink.text,
      "stroke-width": 1.5,
    }) +
    element("line", {
      x1: x(bin.baseline),
      x2: x(bin.baseline),
      y1: 1,
      y2: ROW - 1,
      stroke: ink.tick,
      "stroke-width": 2,
    }) +
    controlMarks(bin, x, ink) +
    label(String(bin.count), { x: BAR_LEFT + BAR_WIDTH + 8, y: middle + 4, fill: ink.text }) +
    label(`${format.lift(bin.lift)}${bin.qValue < SIGNIFICANT ? " *" : ""}`, {
      x: WIDTH - 12,
      y: middle + 4,
      "text-anchor": "end",
      fill: ink.text,
      "font-weight": bin.qValue < SIGNIFICANT ? "bold" : null,
    })
  );
}

export function histogramsSvg(histograms: readonly Histogram[], title: string, ink: Ink): string {
  let y = 30;
  let content = label(title, { x: 12, y: 18, fill: ink.text, "font-weight": "bold" });
  for (const histogram of histograms) {
    const name = `${histogram.of === "subject" ? "matched token" : "strongest attention"} · ${histogram.attribute}`;
    content += label(name, { x: 12, y: y + 14, fill: ink.muted });
    y += 22;
    histogram.bins.forEach((_, i) => {
      content += element("g", { transform: `translate(0,${y})` }, bar(histogram, i, ink));
      y += ROW;
    });
    y += 10;
  }
  content += label("| share expected in this corpus   — 95 % interval   × lift   * q < 0.05", {
    x: 12,
    y: y + 12,
    fill: ink.muted,
    "font-size": 11,
  });
  if (histograms.some(({ bins }) => bins.some((bin) => hasControls(bin)))) {
    y += 16;
    content += label("▼ the word alone   ▲ tokens that look at the same words   ◆ median other head", {
      x: 12,
      y: y + 12,
      fill: ink.muted,
      "font-size": 11,
    });
  }
  return svgDocument(WIDTH, y + 24, title, ink.background, content);
}
