/** Made-up contexts and their summary, seeded. */

import { type Attribute, labelOf } from "../src/logic/labels";
import type {
  Bin,
  Controls,
  Finding,
  Histogram,
  Hit,
  HitToken,
  ModelDescription,
  SearchParams,
  SearchRelationsParams,
  SearchRelationsResult,
  SearchResult,
  SummarizeResult,
  Token,
} from "../src/protocol";
import { random } from "./random";

const LEFT = [
  "It was like finally getting into one's own nightmares to",
  "Mr. Podger opened his cocoon and emerged, tucking Alacrity under his arm to",
  "Three thermocouples were placed at different locations in the aluminum disk surrounding the anode holder to",
  "It wasn't cold enough in the tunnel to",
  "Moreover, for those few there was almost no ecclesiastical representation in the city to",
  "Half slyly he enjoyed seeing her stoop to",
  "So in the name of justice the magistrate cleared the court of all except officials to",
  "A well known financial firm has 60 days to",
];
const VERBS = ["punish", "bring", "determine", "preserve", "care", "allow", "see", "lift", "win", "spell", "cover"];
const RIGHT = [
  "one's dreams.",
  "her in by the fire.",
  "its temperature.",
  "the body intact.",
  "for their religious needs.",
  "the things.",
  "the captain to elaborate for almost an hour.",
  "out the terms of its contract.",
  "the interest deficiency for eight more years, said Boston.",
];
const TAGS: Readonly<Record<string, string>> = {
  to: "PART",
  the: "DET",
  a: "DET",
  her: "PRON",
  his: "PRON",
  he: "PRON",
  it: "PRON",
  was: "AUX",
  in: "ADP",
  of: "ADP",
  for: "ADP",
  out: "ADP",
  by: "ADP",
  and: "CCONJ",
};

function tokensOf(text: string, match: number): HitToken[] {
  const blank = { tag: null, dep: null, lemma: null, entity: null, syntacticHead: null };
  const special = { text: "", start: 0, end: 0, pos: null, ...blank, isSpecial: true };
  const words = [...text.matchAll(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}]/gu)].map((found) => {
    const word = found[0];
    const at = found.index;
    const pos =
      at === match
        ? "VERB"
        : (TAGS[word.toLowerCase()] ?? (/^\W/.test(word) ? "PUNCT" : /^\d/.test(word) ? "NUM" : "NOUN"));
    const entity = /^\d/.test(word) ? "DATE" : word === "Boston" ? "GPE" : null;
    return {
      text: word,
      start: at,
      end: at + word.length,
      pos,
      tag: pos.slice(0, 2),
      dep: pos === "VERB" ? "xcomp" : pos === "PART" ? "aux" : "dobj",
      lemma: word.toLowerCase(),
      entity,
      isSpecial: false,
      syntacticHead: null,
    };
  });
  return [special, ...words, { ...special, start: text.length, end: text.length }];
}

export function hit(rank: number, score: number, causal: boolean): Hit {
  const left = LEFT[rank % LEFT.length];
  const verb = VERBS[(rank * 7) % VERBS.length];
  const text = `${left} ${verb} ${RIGHT[(rank * 5) % RIGHT.length]}`;
  const tokens = tokensOf(text, left.length + 1);
  const match = tokens.findIndex((token) => token.start === left.length + 1 && !token.isSpecial);
  const next = random(rank + 3);
  const row = (peak: number) => {
    const raw = tokens.map((_, i) => (i === peak ? 6 : 0.6 * next()));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => value / total);
  };
  const outgoing = row(match - 1);
  const incoming = row(match + 1);
  const line = 40 + ((rank * 73) % 700);
  return {
    rank,
    score,
    document: `file:///corpora/brown/${"fclpkrem"[rank % 8]}${10 + (rank % 30)}.txt`,
    range: { start: { line, character: left.length + 1 }, end: { line, character: left.length + 1 + verb.length } },
    stale: rank % 17 === 6,
    sentence: { index: rank * 3, text },
    match,
    next: causal ? match + 1 : null,
    tokens,
    attention: { layer: 2, heads: [11], outgoing, incoming },
    maxAttention: {
      outgoing: { index: match - 1, offset: -1, weight: outgoing[match - 1] },
      incoming: { index: match + 1, offset: 1, weight: incoming[match + 1] },
      next: causal ? { index: match, offset: -1, weight: 0.6 } : null,
    },
    cell: null,
    sentenceRange: null,
    target: null,
    record: null,
    metadata: {},
  };
}

export function search(params: SearchParams, model: ModelDescription, searchId: string): SearchResult {
  const k = params.k ?? 50;
  const hits = Array.from({ length: k }, (_, i) =>
    hit(i + 1, 0.906 - 0.3 * (i / Math.max(50, k)) ** 0.7, model.kind === "autoregressive"),
  );
  return {
    searchId,
    model,
    hits,
    query: null,
    stats: { searched: 138_912, exact: true, milliseconds: 21.4, precision: "int8", reranked: 200, note: null },
  };
}

/** Each match looks at the token before it. */
export function searchRelations(
  params: SearchRelationsParams,
  model: ModelDescription,
  searchId: string,
  [source, target]: readonly Token[],
): SearchRelationsResult {
  const { query: _, ...found } = search({ ...params, space: "hiddenState" }, model, searchId);
  const hits = found.hits.map((one) => ({ ...one, target: one.maxAttention.outgoing?.index ?? null }));
  return { ...found, hits, source, target, weight: 0.91 };
}

type Control = "word" | "echo" | "peers";

const ALL_CONTROLS: readonly Control[] = ["word", "echo", "peers"];

/** The matched word comes with the word, a distance with what is attended to; the rest is the head's. */
function controlsOf(share: number, of: Histogram["of"], asked: readonly Control[]): Controls {
  return {
    word: asked.includes("word") ? { share: share * (of === "subject" ? 0.9 : 0.28), n: 50 } : null,
    echo: asked.includes("echo") ? { share: share * 0.44, n: 200 } : null,
    peers: asked.includes("peers") ? { rank: of === "subject" ? 4 : 1, of: 12, median: share * 0.04 } : null,
  };
}

/** Made-up findings, one of each verdict. */
function findings(controls: readonly Control[]): Finding[] {
  const made = (
    [
      [
        "head",
        "maxAttention",
        "pos",
        "PART",
        "The strongest attention of 50 of 50 matches goes to PART (particle): 100 %, 2.3 % expected, 43×",
      ],
      ["word", "subject", "pos", "VERB", "50 of 50 matches are VERB (verb): 100 %, 10 % expected, 9.5×"],
      [
        "echo",
        "maxAttention",
        "offset",
        "-1",
        "The strongest attention of 48 of 50 matches goes to the token before: 96 %, 83 % expected, 1.2×",
      ],
    ] as const
  ).map(([verdict, of, attribute, label, sentence]) => {
    const values = controlsOf(1, of, controls);
    const parts = [
      values.word === null ? "" : `; the word alone gives ${Math.round(100 * values.word.share)} %`,
      values.echo === null ? "" : `, tokens that look at “to” give ${Math.round(100 * values.echo.share)} %`,
      values.peers === null
        ? ""
        : `, the median other head of the layer gives ${Math.round(100 * values.peers.median)} % (this head is ${values.peers.rank === 1 ? "1st" : "4th"} of 12)`,
    ];
    return {
      verdict,
      of,
      attribute,
      label,
      sentence: `${sentence}${parts.join("")}.`,
      qValue: verdict === "head" ? 1e-6 : 0.4,
      controls: values,
    };
  });
  return controls.length === 0 ? made.map((one) => ({ ...one, verdict: "unchecked" as const })) : made;
}

function histogram(
  hits: readonly Hit[],
  of: Histogram["of"],
  attribute: Attribute,
  mode: { subject: "match" | "next"; attention: "outgoing" | "incoming" },
  controls: readonly Control[],
): Histogram {
  const counts = new Map<string, number>();
  for (const one of hits) {
    const label = labelOf(one, of, attribute, mode);
    if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const n = [...counts.values()].reduce((a, b) => a + b, 0);
  const bins: Bin[] = [...counts].map(([label, count]) => {
    const share = count / n;
    const baseline = attribute === "offset" ? 0.83 : label === "PART" ? 0.023 : label === "VERB" ? 0.105 : 0.14;
    const half = 1.96 * Math.sqrt((share * (1 - share) + 0.02) / n);
    return {
      label,
      count,
      share,
      baseline,
      lift: share / baseline,
      low: Math.max(0, share - half),
      high: Math.min(1, share + half / 3),
      qValue: share > 2 * baseline ? 1e-6 : 0.2,
      controls: controls.length === 0 ? null : controlsOf(share, of, controls),
    };
  });
  return { of, attribute, bins: bins.sort((a, b) => b.count - a.count) };
}

export function summarize(
  result: Pick<SearchResult, "model" | "hits" | "searchId">,
  attention: "outgoing" | "incoming",
  controls: readonly Control[] = ALL_CONTROLS,
): SummarizeResult {
  const subject = result.model.kind === "autoregressive" ? "next" : "match";
  const mode = { subject, attention } as const;
  const attributes = ["pos", "tag", "dep", "entity"] as const;
  const detailed = findings(controls);
  return {
    subject,
    attention,
    searchId: result.searchId,
    nHits: result.hits.length,
    nDistinct: result.hits.length,
    nBaseline: 138_912,
    histograms: [
      ...attributes.map((attribute) => histogram(result.hits, "subject", attribute, mode, controls)),
      ...attributes.map((attribute) => histogram(result.hits, "maxAttention", attribute, mode, controls)),
      histogram(result.hits, "maxAttention", "offset", mode, controls),
    ],
    findings: detailed.map(({ sentence }) => sentence),
    findingsDetailed: detailed,
    notes: [],
    metadata: [],
  };
}
