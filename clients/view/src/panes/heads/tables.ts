/** What heads do as tables: a row a head, and a row a role, relation or word of one head. */
import type { Cell, Table } from "../../logic/csv";
import type { HeadProfile } from "../../protocol";
import { strongest } from "./logic/measures";

export function headsTable(heads: readonly HeadProfile[]): Table {
  return {
    header: [
      "layer",
      "head",
      "most",
      "mostAttention",
      "entropy",
      "special",
      "firstToken",
      "previousToken",
      "duplicateToken",
      "induction",
      "findings",
    ],
    rows: heads.map((one): Cell[] => {
      const most = strongest(one);
      return [
        one.layer,
        one.head,
        most?.name ?? null,
        most?.value ?? null,
        one.entropy,
        one.special,
        one.firstToken,
        one.previousToken,
        one.duplicateToken,
        one.induction,
        one.findings.join(" "),
      ];
    }),
  };
}

/** Everything that is measured of each role, relation and word. Fields that a row does not have are empty. */
export function measuresTable(heads: readonly HeadProfile[]): Table {
  const header = [
    "layer",
    "head",
    "kind",
    "name",
    "direction",
    "value",
    "expected",
    "lift",
    "low",
    "high",
    "n",
    "qValue",
  ];
  const rows = heads.flatMap((one) => {
    const at = [one.layer, one.head];
    return [
      ...one.offsets.map(({ offset, mass }): Cell[] => [...at, "offset", String(offset), null, mass, ...empty(6)]),
      ...one.roles.map((r): Cell[] => [
        ...at,
        "role",
        r.role,
        r.direction,
        r.mass,
        r.expected,
        r.lift,
        r.low,
        r.high,
        r.n,
        r.qValue,
      ]),
      ...one.relations.map((r): Cell[] => [
        ...at,
        "relation",
        r.relation,
        r.direction,
        r.accuracy,
        r.baseline,
        null,
        r.low,
        r.high,
        r.n,
        r.qValue,
      ]),
      ...one.vocabulary.map((w): Cell[] => [...at, "word", w.word, ...empty(3), w.lift, w.low, null, w.n, null]),
    ];
  });
  return { header, rows };
}

function empty(count: number): null[] {
  return Array<null>(count).fill(null);
}
