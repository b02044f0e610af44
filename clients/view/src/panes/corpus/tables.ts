/** Contexts as a table. */
import type { Cell, Table } from "../../logic/csv";
import type { Hit } from "../../protocol";

function hitRow(hit: Hit): Cell[] {
  const match = hit.tokens[hit.match];
  const { text } = hit.sentence;
  const peak = hit.maxAttention.outgoing;
  const target = typeof hit.target === "number" ? hit.tokens[hit.target] : undefined;
  return [
    hit.rank,
    hit.score,
    hit.document,
    hit.cell,
    hit.range.start.line + 1,
    hit.range.start.character + 1,
    hit.stale,
    text.slice(0, match.start),
    text.slice(match.start, match.end),
    text.slice(match.end),
    match.pos,
    match.tag,
    match.dep,
    match.entity,
    peak === null ? null : hit.tokens[peak.index].text,
    peak?.offset ?? null,
    peak?.weight ?? null,
    target?.text ?? null,
    target === undefined ? null : (hit.target ?? 0) - hit.match,
    target?.pos ?? null,
    target?.dep ?? null,
  ];
}

export function hitsTable(hits: readonly Hit[]): Table {
  return {
    header: [
      "rank",
      "score",
      "document",
      "cell",
      "line",
      "column",
      "stale",
      "left",
      "match",
      "right",
      "pos",
      "tag",
      "dep",
      "entity",
      "strongestToken",
      "strongestOffset",
      "strongestWeight",
      "target",
      "targetOffset",
      "targetPos",
      "targetDep",
    ],
    rows: hits.map(hitRow),
  };
}
