/** The likeliest tokens of both passes where they differ, as a standalone SVG: bars are probabilities. */
import type { Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import type { CompareCapturesResult } from "../../../protocol";
import { saidPrediction } from "../logic/predictions";

const ROW = 22;
const CHARACTER = 7.4;
const TOP = 56;
const GAP = 16;
const LEAST_COLUMN = 110;

type Changed = CompareCapturesResult["predictions"];

/** One row a place: its name, what A expects there, and what B expects there. */
export function predictionsSvg(changed: Changed, names: readonly string[], title: string, ink: Ink): string {
  const rows = changed.map(({ token, before, after }) => ({ name: names[token] ?? `token ${token}`, before, after }));
  const said = rows.flatMap(({ before, after }) => [saidPrediction(before), saidPrediction(after)]);
  const column = Math.max(LEAST_COLUMN, ...said.map((text) => text.length * CHARACTER + 12));
  const left = 12 + Math.max(20, ...rows.map(({ name }) => name.length * CHARACTER)) + GAP;
  const columns = [left, left + column + GAP];
  const heads = ["A expects", "B expects"].map((text, i) =>
    label(text, { x: columns[i] + 4, y: TOP - 8, fill: ink.muted, "font-size": 11 }),
  );
  const drawn = rows.map(({ name, before, after }, i) => {
    const y = TOP + i * ROW;
    const cells = [before, after].map((one, j) => {
      const bar = { x: columns[j], y: y + ROW - 4, width: Math.max(1, column * one.probability), height: 3 };
      return (
        element("rect", { ...bar, fill: ink.bar }) +
        label(saidPrediction(one), { x: columns[j] + 4, y: y + 14, fill: ink.text })
      );
    });
    return label(name, { x: left - GAP, y: y + 14, "text-anchor": "end", fill: ink.text }) + cells.join("");
  });
  const heading = label(title, { x: 12, y: 20, fill: ink.text, "font-weight": "bold" });
  const width = Math.max(columns[1] + column + 12, 24 + title.length * CHARACTER);
  return svgDocument(
    width,
    TOP + rows.length * ROW + 12,
    title,
    ink.background,
    heading + heads.join("") + drawn.join(""),
  );
}
