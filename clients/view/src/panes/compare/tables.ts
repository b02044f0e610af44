/** Differences of two passes as tables. */
import type { Cell, Table } from "../../logic/csv";
import type { CompareCapturesResult } from "../../protocol";
import type { DifferenceEdge } from "./logic/differences";

export function divergenceTable({ heads }: Pick<CompareCapturesResult, "heads">): Table {
  return {
    header: ["layer", "head", "divergence"],
    rows: heads.map(({ layer, head, divergence }): Cell[] => [layer, head, divergence]),
  };
}

export function edgesTable(edges: readonly DifferenceEdge[], names: readonly string[]): Table {
  return {
    header: ["from", "fromToken", "to", "toToken", "before", "after", "difference"],
    rows: edges.map(({ source, target, before, after, difference }): Cell[] => [
      source,
      names[source],
      target,
      names[target],
      before,
      after,
      difference,
    ]),
  };
}

export function predictionsTable(comparison: CompareCapturesResult, names: readonly string[]): Table {
  return {
    header: ["token", "name", "before", "beforeProbability", "after", "afterProbability"],
    rows: comparison.predictions.map(({ token, before, after }): Cell[] => [
      token,
      names[token] ?? "",
      before.token,
      before.probability,
      after.token,
      after.probability,
    ]),
  };
}
