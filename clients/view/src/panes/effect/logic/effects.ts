/** Numbers of the map: what changes without each head, or what each head adds. */
import type { Capture } from "../../../app";
import { diverging, type MapCell } from "../../../draw/headMap";
import type { Ink } from "../../../draw/ink";
import type { AblateHeadsResult, DecomposeResult, Part } from "../../../protocol";

/** One head and its number. */
export interface HeadValue {
  readonly layer: number;
  readonly head: number;
  readonly value: number;
}

export function deltas(effects: AblateHeadsResult): HeadValue[] {
  return effects.effects.flatMap(({ layer, head, delta }) =>
    layer === null || head === null ? [] : [{ layer, head, value: delta }],
  );
}

export function contributions(decomposition: DecomposeResult): HeadValue[] {
  return decomposition.parts.flatMap(({ kind, layer, head, value }) =>
    kind !== "head" || layer === null || head === null ? [] : [{ layer, head, value }],
  );
}

export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/** A number with a minus that is as wide as its digits. */
export function plainly(value: number): string {
  return value.toFixed(3).replace("-", "−");
}

export function largest(values: readonly HeadValue[]): number {
  return Math.max(1e-9, ...values.map(({ value }) => Math.abs(value)));
}

/** Numbers below this share of the largest are not written into their cell. */
const LEAST_WRITTEN = 0.1;

/** Cells from −largest to +largest. `unit` stands behind the number that is read out. */
export function valueCells(values: readonly HeadValue[], unit: string, ink: Ink): MapCell[] {
  const most = largest(values);
  const digits = most < 0.1 ? 3 : 2;
  return values.map(({ layer, head, value }): MapCell => {
    const written = Math.abs(value) >= LEAST_WRITTEN * most;
    return {
      layer,
      head,
      color: diverging(value / most, ink),
      lines: written ? [signed(value, digits)] : [],
      spoken: `${signed(value, written ? digits : digits + 1)}${unit === "" ? "" : ` ${unit}`}`,
    };
  });
}

/** The heads with the largest numbers, either sign. */
export function strongestOf(values: readonly HeadValue[], count: number): HeadValue[] {
  return [...values].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, count);
}

/** A step of the sum: a named part, or what the parts that are not named add together. */
export interface SumStep {
  readonly name: string;
  readonly value: number;
  /** The sum before this step. */
  readonly from: number;
  /** null: no single head. */
  readonly at: { readonly layer: number; readonly head: number } | null;
}

export function partName({ kind, layer, head }: Pick<Part, "kind" | "layer" | "head">): string {
  if (kind === "head") return `head ${layer}.${head}`;
  if (kind === "mlp") return `MLP ${layer}`;
  return kind === "bias" ? "biases" : "embedding";
}

/** Parts that are named one by one. */
export const MOST_PARTS = 14;

/** The largest parts one by one, then all others together, then what rounding leaves: they add up to the total. */
export function sumSteps(decomposition: Pick<DecomposeResult, "parts" | "residual">, most: number): SumStep[] {
  const ranked = [...decomposition.parts].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const named = ranked.slice(0, most).map((part) => ({
    name: partName(part),
    value: part.value,
    at: part.layer === null || part.head === null ? null : { layer: part.layer, head: part.head },
  }));
  const others = ranked.slice(most);
  const rest = others.reduce((sum, { value }) => sum + value, 0);
  const all = [
    ...named,
    ...(others.length === 0 ? [] : [{ name: `${others.length} other parts`, value: rest, at: null }]),
    { name: "rounding", value: decomposition.residual, at: null },
  ];
  let from = 0;
  return all.map((step) => {
    const placed = { ...step, from };
    from += step.value;
    return placed;
  });
}

/** What is measured, in words. */
export function measured(
  answer: Pick<AblateHeadsResult, "target"> & {
    readonly measure: AblateHeadsResult["measure"] | DecomposeResult["measure"];
  },
  capture: Capture,
  against: string,
): string {
  if (answer.measure === "cosine")
    return against === "" ? "cosine of the text with its own unchanged pass" : `cosine with “${against}”`;
  const what = {
    logProbability: "log-probability",
    logit: "logit, less the mean of all logits,",
    logitDifference: "difference of logits",
  }[answer.measure];
  const { target } = answer;
  if (target === null) return what;
  const tokens = capture.decoderTokens ?? capture.tokens;
  const place = tokens[target.token]?.token ?? `token ${target.token}`;
  const relation = capture.model.kind === "bidirectional" ? "at" : "after";
  return `${what} of “${target.piece}” ${relation} “${place}”`;
}

/** The unit of a measure; a cosine has none. */
export function unitOf(measure: AblateHeadsResult["measure"] | DecomposeResult["measure"]): string {
  return measure === "logProbability" ? "nats" : "";
}
