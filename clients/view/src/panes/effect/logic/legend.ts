/** What the colors of the map mean. */
import type { AblateHeadsResult, DecomposeResult } from "../../../protocol";
import { type HeadValue, largest, signed, unitOf } from "./effects";

type Measure = AblateHeadsResult["measure"] | DecomposeResult["measure"];

/** The two ends of the scale in words: below zero, above zero. */
export function ends(of: "ablation" | "parts", measure: Measure): readonly [string, string] {
  if (of === "parts") return measure === "cosine" ? ["less alike", "more alike"] : ["against it", "for it"];
  return measure === "cosine"
    ? ["less alike without the head", "more alike without it"]
    : ["less likely without the head", "more likely without it"];
}

export function mapLegend(of: "ablation" | "parts", measure: Measure, values: readonly HeadValue[]): string {
  const [below, above] = ends(of, measure);
  const most = largest(values);
  const unit = unitOf(measure);
  const digits = most < 0.1 ? 3 : 2;
  return `−: ${below} · +: ${above} · full color ${signed(most, digits).replace("+", "±")}${unit === "" ? "" : ` ${unit}`}`;
}
