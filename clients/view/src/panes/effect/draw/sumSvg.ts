/** The sum of parts as a standalone SVG: steps from zero to the total. */
import type { Ink } from "../../../draw/ink";
import { element, label, svgDocument } from "../../../draw/svg";
import { type SumStep, signed } from "../logic/effects";

const ROW = 20;
const NAME = 110;
const BAR = 380;
const TOP = 40;

/** The scale that holds zero and every partial sum. */
export function sumRange(steps: readonly SumStep[]): readonly [low: number, high: number] {
  const reached = [0, ...steps.map(({ from, value }) => from + value)];
  const low = Math.min(...reached);
  return [low, Math.max(...reached, low + 1e-9)];
}

export function sumSvg(steps: readonly SumStep[], title: string, ink: Ink): string {
  const [low, high] = sumRange(steps);
  const at = (value: number) => NAME + (BAR * (value - low)) / (high - low);
  const rows = steps.map(({ name, from, value }, i) => {
    const y = TOP + i * ROW;
    const x = at(Math.min(from, from + value));
    const width = Math.max(1, at(Math.max(from, from + value)) - x);
    return (
      label(name, { x: NAME - 8, y: y + 13, "text-anchor": "end", fill: ink.text, "font-size": 12 }) +
      element("rect", { x, y: y + 3, width, height: ROW - 6, fill: value < 0 ? ink.tick : ink.bar }) +
      label(signed(value, 3), { x: NAME + BAR + 64, y: y + 13, "text-anchor": "end", fill: ink.text, "font-size": 12 })
    );
  });
  const bottom = TOP + steps.length * ROW;
  const zero = element("rect", { x: at(0), y: TOP, width: 1, height: bottom - TOP, fill: ink.text });
  const heading = label(title, { x: 12, y: 20, fill: ink.text, "font-weight": "bold" });
  return svgDocument(NAME + BAR + 80, bottom + 12, title, ink.background, heading + rows.join("") + zero);
}
