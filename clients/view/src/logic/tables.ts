/** What is on show, as tables. */
import type { Hit, SummarizeResult, Token } from "../protocol";
import type { Edges } from "../panes/attention/logic/attention";
import type { Cell } from "./csv";

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export function edgesTable(edges: Edges, left: readonly string[], right: readonly string[]): Table {
  const rows = Array.from({ length: edges.count }, (_, i): Cell[] => {
    const source = edges.source[i];
    const target = edges.target[i];
    return [source, left[source], target, right[target], edges.weight[i]];
  });
  return { header: ["from", "fromToken", "to", "toToken", "weight"], rows };
}

function tokenRow(token: Token): Cell[] {
  const predictions = token.predictions?.map((one) => `${one.token} ${one.probability.toFixed(4)}`).join(" | ");
  return [
    token.index, token.token, token.text, token.start, token.end, token.segment, token.isSpecial, token.isMasked,
    token.word, token.sentence, token.pos, token.tag, token.dep, token.syntacticHead, token.lemma, token.entity, predictions ?? null,
  ];
}

export function tokensTable(tokens: readonly Token[]): Table {
  return {
    header: [
      "index", "token", "text", "start", "end", "segment", "isSpecial", "isMasked",
      "word", "sentence", "pos", "tag", "dep", "syntacticHead", "lemma", "entity", "predictions",
    ],
    rows: tokens.map(tokenRow),
  };
}

function hitRow(hit: Hit): Cell[] {
  const match = hit.tokens[hit.match];
  const { text } = hit.sentence;
  const peak = hit.maxAttention.outgoing;
  return [
    hit.rank, hit.score, hit.document, hit.cell, hit.range.start.line + 1, hit.range.start.character + 1, hit.stale,
    text.slice(0, match.start), text.slice(match.start, match.end), text.slice(match.end),
    match.pos, match.tag, match.dep, match.entity,
    peak === null ? null : hit.tokens[peak.index].text, peak?.offset ?? null, peak?.weight ?? null,
  ];
}

export function hitsTable(hits: readonly Hit[]): Table {
  return {
    header: [
      "rank", "score", "document", "cell", "line", "column", "stale", "left", "match", "right",
      "pos", "tag", "dep", "entity", "strongestToken", "strongestOffset", "strongestWeight",
    ],
    rows: hits.map(hitRow),
  };
}

export function summaryTable(summary: SummarizeResult): Table {
  return {
    header: ["of", "attribute", "label", "count", "share", "baseline", "lift", "low", "high", "qValue"],
    rows: summary.histograms.flatMap((histogram) =>
      histogram.bins.map((bin): Cell[] => [
        histogram.of, histogram.attribute, bin.label, bin.count, bin.share, bin.baseline, bin.lift, bin.low, bin.high, bin.qValue,
      ]),
    ),
  };
}
