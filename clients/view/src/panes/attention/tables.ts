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

/** Where a token stands in the document that its text was taken from. */
type PlaceOf = (token: Token) => { readonly start: number; readonly end: number } | null;

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

/** Tokens; with `placeOf` also their places in the source of the text. */
export function tokensTable(tokens: readonly Token[], placeOf: PlaceOf | null = null): Table {
  const table = plainTable(tokens);
  if (placeOf === null) return table;
  const places = tokens.map(placeOf);
  return {
    header: [...table.header, "sourceStart", "sourceEnd"],
    rows: table.rows.map((row, i) => [...row, places[i]?.start ?? null, places[i]?.end ?? null]),
  };
}

function plainTable(tokens: readonly Token[]): Table {
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
