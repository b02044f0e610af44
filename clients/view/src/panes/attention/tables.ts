/** Curves and tokens as tables. */
import type { Cell, Table } from "../../logic/csv";
import type { Token } from "../../protocol";
import type { Edges } from "./logic/attention";

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
    token.index,
    token.token,
    token.text,
    token.start,
    token.end,
    token.segment,
    token.isSpecial,
    token.isMasked,
    token.word,
    token.sentence,
    token.pos,
    token.tag,
    token.dep,
    token.syntacticHead,
    token.lemma,
    token.entity,
    predictions ?? null,
  ];
}

export function tokensTable(tokens: readonly Token[]): Table {
  return {
    header: [
      "index",
      "token",
      "text",
      "start",
      "end",
      "segment",
      "isSpecial",
      "isMasked",
      "word",
      "sentence",
      "pos",
      "tag",
      "dep",
      "syntacticHead",
      "lemma",
      "entity",
      "predictions",
    ],
    rows: tokens.map(tokenRow),
  };
}
