/** Effects and parts as tables. */
import type { Cell, Table } from "../../logic/csv";
import type { AblateHeadsResult, DecomposeResult, Prediction } from "../../protocol";

function predictionsText(top: readonly Prediction[] | null): string | null {
  return top === null ? null : top.map(({ token, probability }) => `${token} ${probability.toFixed(4)}`).join(" | ");
}

export function effectsTable(effects: AblateHeadsResult): Table {
  return {
    header: ["layer", "head", "mode", "measure", "base", "value", "delta", "klDivergence", "top"],
    rows: effects.effects.map((one): Cell[] => [
      one.layer,
      one.head,
      effects.mode,
      effects.measure,
      effects.base,
      one.value,
      one.delta,
      one.klDivergence,
      predictionsText(one.top),
    ]),
  };
}

export function partsTable(decomposition: DecomposeResult): Table {
  const rest: Cell[] = ["residual", null, null, decomposition.residual];
  return {
    header: ["kind", "layer", "head", "value"],
    rows: [...decomposition.parts.map((one): Cell[] => [one.kind, one.layer, one.head, one.value]), rest],
  };
}

export function lensTable(decomposition: DecomposeResult): Table {
  return {
    header: ["hiddenLayer", "targetRank", "targetProbability", "top"],
    rows: decomposition.lens.map((one): Cell[] => [
      one.hiddenLayer,
      one.targetRank,
      one.targetProbability,
      predictionsText(one.top),
    ]),
  };
}
