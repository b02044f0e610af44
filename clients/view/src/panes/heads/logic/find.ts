/** Heads by what people type: a measure or role by its name, or words of what is said of a head. */
import type { HeadProfile } from "../../../protocol";
import type { Measure } from "./measures";

export interface FoundHead {
  readonly layer: number;
  readonly head: number;
  /** The measure's number; null where words were found. */
  readonly value: number | null;
}

export interface Found {
  /** The measure whose name was typed; null where words were. */
  readonly measure: Measure | null;
  /** Strongest first. */
  readonly heads: readonly FoundHead[];
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[→←]/g, " ").replace(/\s+/g, " ").trim();
}

/** The whole name before its beginning, its beginning before its middle. */
function measureNamed(query: string, measures: readonly Measure[]): Measure | null {
  const named = measures.map((measure) => ({ measure, name: plain(measure.name) }));
  const by = (fits: (name: string) => boolean) => named.find(({ name }) => fits(name))?.measure ?? null;
  return (
    by((name) => name === query) ??
    by((name) => name.startsWith(query)) ??
    (query.length < 3 ? null : by((name) => name.includes(query)))
  );
}

function byMeasure(heads: readonly HeadProfile[], measure: Measure): FoundHead[] {
  const valued = heads.map((profile) => ({ layer: profile.layer, head: profile.head, value: measure.of(profile) }));
  return valued.filter(({ value }) => value !== null).sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
}

function byWords(heads: readonly HeadProfile[], query: string): FoundHead[] {
  const said = ({ findings, vocabulary }: HeadProfile) => [
    ...vocabulary.map(({ word }) => word.toLowerCase()),
    ...findings.map((finding) => finding.toLowerCase()),
  ];
  const rank = (profile: HeadProfile) => said(profile).findIndex((text) => text.includes(query));
  return heads
    .map((profile) => ({ profile, at: rank(profile) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)
    .map(({ profile: { layer, head } }) => ({ layer, head, value: null }));
}

/** What was typed is a measure's name where it can be; else it is looked for in words and findings. */
export function findHeads(heads: readonly HeadProfile[], measures: readonly Measure[], typed: string): Found | null {
  const query = plain(typed);
  if (query === "") return null;
  const measure = measureNamed(query, measures);
  return { measure, heads: measure === null ? byWords(heads, query) : byMeasure(heads, measure) };
}
