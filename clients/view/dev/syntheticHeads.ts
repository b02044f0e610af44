/** Made-up profiles of heads, seeded: some heads do one thing, the others nothing in particular. */
import type {
  HeadProfile,
  ModelDescription,
  OffsetShare,
  ProfileParams,
  ProfileResult,
  Role,
  VocabularyWord,
} from "../src/protocol";
import { random } from "./random";
import { hit } from "./syntheticCorpus";

const ROLES: readonly (readonly [string, Role["direction"]])[] = [
  ["det", "toHead"],
  ["pobj", "toHead"],
  ["dobj", "toHead"],
  ["nsubj", "toHead"],
  ["prt", "toHead"],
  ["auxpass", "toHead"],
  ["dobj", "toDependent"],
  ["amod", "toDependent"],
  ["sameWord", null],
];
const WORDS = ["failed", "silence", "dropped", "leave", "free", "lost", "never", "closed", "stopped"];

/** The role that a head has been given; null for most heads. */
function plantedRole(layer: number, head: number): number | null {
  const next = random(1 + 97 * layer + 13 * head);
  return next() < 0.3 ? Math.floor(next() * ROLES.length) : null;
}

/** In autoregressive models one head of each third layer continues what it has seen before. */
function isInduction(layer: number, head: number, nHeads: number): boolean {
  return layer % 3 === 2 && head === (layer * 5) % nHeads;
}

function roles(layer: number, head: number, examples: number): Role[] {
  const next = random(7 + 31 * layer + head);
  const planted = plantedRole(layer, head);
  const made = ROLES.map(([role, direction], i): Role => {
    const expected = 0.02 + 0.1 * next();
    const mass = i === planted ? 0.3 + 0.5 * next() : expected * (0.6 + 0.6 * next());
    const lift = mass / expected;
    const n = 200 + Math.floor(3000 * next());
    const significant = i === planted;
    return {
      role,
      direction,
      mass,
      expected,
      lift,
      low: lift * 0.86,
      high: lift * 1.12,
      n,
      qValue: significant ? 1e-4 : 0.6,
      examples: examples > 0 && significant ? examplesOf(layer * 20 + head, examples) : null,
    };
  });
  return made.sort((a, b) => b.mass - b.expected - (a.mass - a.expected));
}

function examplesOf(seed: number, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const one = hit(seed + i, 0.9 - 0.1 * i, false);
    return { ...one, target: one.maxAttention.outgoing?.index ?? null };
  });
}

function offsets(layer: number, head: number): OffsetShare[] {
  const next = random(3 + 11 * layer + 7 * head);
  const peak = Math.floor(next() * 9) - 5;
  return Array.from({ length: 17 }, (_, i) => {
    const mass = i - 8 === peak ? 0.1 + 0.5 * next() ** 2 : 0.02 * next();
    return { offset: i - 8, mass, share: mass };
  });
}

function vocabulary(layer: number, head: number, examples: number): VocabularyWord[] {
  if ((layer + head) % 7 !== 0) return [];
  return WORDS.map((word, i) => ({
    word,
    lift: 42 - 4 * i,
    low: 20 - 2 * i,
    n: 20 + i,
    examples: examples > 0 ? examplesOf(i, examples) : null,
  }));
}

function findings(profile: Omit<HeadProfile, "findings">): string[] {
  const said: string[] = [];
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  if ((profile.induction ?? 0) >= 0.3)
    said.push(
      `where text repeats, looks at what came next the first time (induction), ${percent(profile.induction ?? 0)} of attention`,
    );
  for (const role of profile.roles.filter(({ qValue }) => qValue < 0.05))
    said.push(
      `words of ${role.role} look at each other, ${percent(role.mass)} of attention (${percent(role.expected)} expected from its distances)`,
    );
  if (profile.vocabulary.length > 0)
    said.push("looks at certain words many times as often as at others: failed (42×), silence (38×), dropped (34×)");
  return said.map((clause, i) => `Head ${profile.layer}.${profile.head}${i === 0 ? "" : " also"}: ${clause}.`);
}

function profileOf(model: ModelDescription, layer: number, head: number, examples: number): HeadProfile {
  const next = random(5 + 101 * layer + head);
  const repeats = model.kind === "autoregressive";
  const planted = repeats && isInduction(layer, head, model.nHeads);
  const profile = {
    layer,
    head,
    entropy: 0.2 + 0.7 * next(),
    special: repeats ? 0 : 0.6 * next(),
    firstToken: repeats ? 0.8 * next() : 0.1 * next(),
    offsets: offsets(layer, head),
    beyond: [-9, 9].map((offset) => ({ offset, mass: 0.01, share: 0.02 })),
    roles: roles(layer, head, examples),
    relations: roles(layer, head, 0)
      .filter(({ direction, qValue }) => direction !== null && qValue < 0.05)
      .map(({ role, direction, mass, n }) => ({
        relation: role,
        direction: direction ?? ("toHead" as const),
        accuracy: mass,
        low: mass - 0.03,
        high: mass + 0.03,
        offset: 1,
        baseline: 0.4 * mass,
        n,
        qValue: 1e-4,
      })),
    vocabulary: vocabulary(layer, head, examples),
    previousToken: repeats ? 0.2 * next() : null,
    duplicateToken: repeats ? 0.1 * next() : null,
    induction: repeats ? (planted ? 0.85 + 0.1 * next() : 0.05 * next()) : null,
  };
  return { ...profile, findings: findings(profile) };
}

export function profileHeads(params: ProfileParams, model: ModelDescription): ProfileResult {
  const count = (n: number) => Array.from({ length: n }, (_, i) => i);
  return {
    corpus: params.corpus,
    model: model.id,
    tokens: 161_584,
    documents: 63,
    notes: params.corpus === "lists" ? ["no parser: this corpus has no roles and no relations"] : [],
    heads: (params.layers ?? count(model.nLayers)).flatMap((layer) =>
      (params.heads ?? count(model.nHeads)).map((head) => profileOf(model, layer, head, params.examples ?? 0)),
    ),
  };
}
