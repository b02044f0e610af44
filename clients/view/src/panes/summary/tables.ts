/** The histograms as a table, one row a bar. */
import type { Cell, Table } from "../../logic/csv";
import type { SummarizeResult } from "../../protocol";

export function summaryTable(summary: SummarizeResult): Table {
  return {
    header: ["of", "attribute", "label", "count", "share", "baseline", "lift", "low", "high", "qValue"],
    rows: summary.histograms.flatMap((histogram) =>
      histogram.bins.map((bin): Cell[] => [
        histogram.of,
        histogram.attribute,
        bin.label,
        bin.count,
        bin.share,
        bin.baseline,
        bin.lift,
        bin.low,
        bin.high,
        bin.qValue,
      ]),
    ),
  };
}
