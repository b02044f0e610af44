/** What a hit counts as in a histogram: the same reading as the server's summary, used to filter rows. */
import type { Bin, Histogram, Hit, HitToken } from "../protocol";

export type Attribute = Histogram["attribute"];
export type Annotation = "pos" | "tag" | "dep" | "entity";

export const ANNOTATIONS: readonly Annotation[] = ["pos", "dep", "entity", "tag"];
export const ANNOTATION_NAMES: Readonly<Record<Attribute, string>> = {
  pos: "POS",
  dep: "DEP",
  entity: "ENT",
  tag: "TAG",
  offset: "OFFSET",
};
export const ANNOTATION_TITLES: Readonly<Record<Attribute, string>> = {
  pos: "part of speech",
  dep: "syntactic relation",
  entity: "named entity",
  tag: "fine-grained tag",
  offset: "distance in tokens",
};

export const NONE = "none";

/** A bar that was clicked. */
export interface BarFilter {
  readonly of: Histogram["of"];
  readonly attribute: Attribute;
  readonly label: Bin["label"];
}

/** How the summary that holds the bar was made. */
export interface SummaryMode {
  readonly subject: "match" | "next";
  readonly attention: "outgoing" | "incoming";
}

/** What the server counts a special token as. */
export const SPECIAL = "special";

export function annotationOf(token: HitToken | undefined, attribute: Annotation): string {
  if (token?.isSpecial === true) return SPECIAL;
  const value = token?.[attribute];
  return value === null || value === undefined || value === "" ? NONE : value;
}

function subjectIndex(hit: Hit, mode: SummaryMode): number | null {
  return mode.subject === "match" ? hit.match : hit.next;
}

function peakOf(hit: Hit, mode: SummaryMode) {
  if (mode.subject === "next") return hit.maxAttention.next ?? null;
  return hit.maxAttention[mode.attention] ?? null;
}

/** The label under which a hit is counted; null when it is not counted at all. */
export function labelOf(hit: Hit, of: Histogram["of"], attribute: Attribute, mode: SummaryMode): string | null {
  if (of === "subject") {
    const index = subjectIndex(hit, mode);
    if (index === null || attribute === "offset") return null;
    return annotationOf(hit.tokens[index], attribute);
  }
  const peak = peakOf(hit, mode);
  if (peak === null) return null;
  return attribute === "offset" ? String(peak.offset) : annotationOf(hit.tokens[peak.index], attribute);
}

/** Offsets compare as numbers ("+1" is "1"); other labels as they are. */
export function sameLabel(attribute: Attribute, a: string, b: string): boolean {
  return attribute === "offset" && a !== NONE && b !== NONE ? Number(a) === Number(b) : a === b;
}

export function matchesBar(hit: Hit, filter: BarFilter, mode: SummaryMode): boolean {
  const label = labelOf(hit, filter.of, filter.attribute, mode);
  return label !== null && sameLabel(filter.attribute, label, filter.label);
}
