/** The histograms as a table, one row a bar. */
import type { Cell, Table } from "../../logic/csv";
import type { SummarizeResult } from "../../protocol";

export function summaryTable(summary: SummarizeResult): Table {
  return {
    header: [
      "of",
      "attribute",
      "label",
      "count",
      "share",
      "baseline",
      "lift",
      "low",
      "high",
      "qValue",
      "word",
      "wordN",
      "echo",
      "echoN",
      "peersMedian",
      "peersRank",
      "peersOf",
    ],
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
        bin.controls?.word?.share ?? null,
        bin.controls?.word?.n ?? null,
        bin.controls?.echo?.share ?? null,
        bin.controls?.echo?.n ?? null,
        bin.controls?.peers?.median ?? null,
        bin.controls?.peers?.rank ?? null,
        bin.controls?.peers?.of ?? null,
      ]),
    ),
  };
}
