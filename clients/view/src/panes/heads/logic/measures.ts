/** What the map can be colored by. Each measure gives a head a number, and a name where heads differ in kind. */
import { type MapCell, mix, sequential } from "../../../draw/headMap";
import type { Ink } from "../../../draw/ink";
import * as format from "../../../logic/format";
import { labelColor } from "../../../logic/palette";
import type { HeadProfile, ProfileResult } from "../../../protocol";
import { roleId, roleName, roleShort, roleTitle, strongRoles } from "./roles";

export interface Measure {
  readonly id: string;
  readonly name: string;
  /** What the number is, for the legend. */
  readonly title: string;
  readonly of: (profile: HeadProfile) => number | null;
}

/** What a head does most, with the attention that this takes. */
export interface Strongest {
  readonly kind: string;
  readonly name: string;
  /** The name as it fits into a cell. */
  readonly short: string;
  readonly value: number;
}

/** A name needs this much attention. */
const LEAST_ROLE = 0.1;
const LEAST_OFFSET = 0.3;
const LEAST_REPEATS = 0.3;
const LEAST_SINK = 0.5;

function offsetMass(profile: HeadProfile, offset: number): number | null {
  return profile.offsets.find((one) => one.offset === offset)?.mass ?? null;
}

/**
 * One name for a map of many heads: repeats of random text, then the role with most beyond the expected attention,
 * then a distance, then where a head rests. A head that rests on a first token that is no special one is named by that
 * before its roles: each role whose words often begin a text would seem to be its doing. Its card says what else it does.
 */
export function strongest(profile: HeadProfile): Strongest | null {
  const repeats = [
    { kind: "induction", name: "induction", short: "induction", value: profile.induction ?? 0 },
    { kind: "duplicateToken", name: "duplicate token", short: "duplicate", value: profile.duplicateToken ?? 0 },
  ].filter(({ value }) => value >= LEAST_REPEATS);
  if (repeats.length > 0) return repeats.reduce((a, b) => (b.value > a.value ? b : a));
  const first = { kind: "special", name: "first token", short: "first", value: profile.firstToken };
  if (first.value >= LEAST_SINK && profile.special < LEAST_SINK) return first;
  const role = strongRoles(profile).find(({ mass }) => mass >= LEAST_ROLE);
  if (role !== undefined) return { kind: role.role, name: roleName(role), short: roleShort(role), value: role.mass };
  const [place] = [...profile.offsets].sort((a, b) => b.mass - a.mass);
  if (place !== undefined && place.mass >= LEAST_OFFSET)
    return { kind: "offset", name: offsetTitle(place.offset), short: offsetName(place.offset), value: place.mass };
  const special = { kind: "special", name: "special tokens", short: "special", value: profile.special };
  return special.value >= LEAST_SINK ? special : null;
}

export function offsetName(offset: number): string {
  if (offset === 0) return "itself";
  if (offset === -1) return "before";
  return offset === 1 ? "after" : format.signed(offset);
}

function offsetTitle(offset: number): string {
  const named: Readonly<Record<number, string>> = {
    [-1]: "the token before",
    0: "the token itself",
    1: "the token after",
  };
  return named[offset] ?? `the token ${Math.abs(offset)} places ${offset < 0 ? "back" : "ahead"}`;
}

const PLAIN: readonly Measure[] = [
  {
    id: "entropy",
    name: "entropy",
    title: "mean entropy of attention, 1: all tokens alike",
    of: (p) => p.entropy,
  },
  { id: "special", name: "special tokens", title: "mean attention to special tokens", of: (p) => p.special },
  { id: "firstToken", name: "first token", title: "mean attention to the first token", of: (p) => p.firstToken },
  {
    id: "previous",
    name: "previous token",
    title: "mean attention to the token before",
    of: (p) => offsetMass(p, -1),
  },
  { id: "itself", name: "the token itself", title: "mean attention to the token itself", of: (p) => offsetMass(p, 0) },
  { id: "next", name: "next token", title: "mean attention to the token after", of: (p) => offsetMass(p, 1) },
  {
    id: "induction",
    name: "induction",
    title: "on repeated random text: attention to what came next the first time",
    of: (p) => p.induction,
  },
  {
    id: "duplicateToken",
    name: "duplicate token",
    title: "on repeated random text: attention to the first place of the token",
    of: (p) => p.duplicateToken,
  },
  {
    id: "previousToken",
    name: "previous token, random text",
    title: "on repeated random text: attention to the token before",
    of: (p) => p.previousToken,
  },
];

export const MOST: Measure = {
  id: "most",
  name: "what it does most",
  title: "attention on what each head does most; only roles with q < 0.05",
  of: (profile) => strongest(profile)?.value ?? null,
};

/** All measures that this profile has numbers for; the roles by how strong their strongest head is. */
export function measuresOf({ heads }: Pick<ProfileResult, "heads">): Measure[] {
  const plain = PLAIN.filter(({ of }) => heads.some((profile) => of(profile) !== null));
  const best = new Map<string, { readonly measure: Measure; readonly gain: number }>();
  for (const profile of heads) {
    for (const role of profile.roles) {
      const id = roleId(role);
      const gain = role.mass - role.expected;
      if ((best.get(id)?.gain ?? Number.NEGATIVE_INFINITY) >= gain) continue;
      const of = (p: HeadProfile) => p.roles.find((one) => roleId(one) === id)?.mass ?? null;
      best.set(id, { measure: { id, name: roleName(role), title: roleTitle(role), of }, gain });
    }
  }
  const roles = [...best.values()].sort((a, b) => b.gain - a.gain).map(({ measure }) => measure);
  return [MOST, ...plain, ...roles];
}

/** Numbers below this are not written into their cell. */
const LEAST_WRITTEN = 0.05;

function strongestCell(profile: HeadProfile, ink: Ink): Omit<MapCell, "layer" | "head"> {
  const most = strongest(profile);
  if (most === null) return { color: null, lines: [], spoken: "nothing that stands out" };
  const hue =
    most.kind === "induction" || most.kind === "duplicateToken"
      ? ink.tick
      : most.kind === "special"
        ? ink.line
        : most.kind === "offset"
          ? ink.heat
          : (labelColor(most.kind, "dep") ?? ink.muted);
  return {
    color: mix(ink.background, hue, 0.25 + 0.75 * most.value),
    lines: [most.short, most.value.toFixed(2)],
    spoken: `${most.short} ${most.value.toFixed(2)} of attention (${most.name})`,
  };
}

/** The cells of the map, colored from 0 to the largest value of the measure. */
export function mapCells(profiles: readonly HeadProfile[], measure: Measure, ink: Ink): MapCell[] {
  const values = profiles.map(measure.of);
  const largest = Math.max(1e-9, ...values.map((value) => value ?? 0));
  return profiles.map((profile, i): MapCell => {
    const { layer, head } = profile;
    if (measure.id === MOST.id) return { layer, head, ...strongestCell(profile, ink) };
    const value = values[i];
    if (value === null) return { layer, head, color: null, lines: [], spoken: `${measure.name}: too few pairs` };
    const written = value >= LEAST_WRITTEN;
    return {
      layer,
      head,
      color: sequential(value / largest, ink),
      lines: written ? [value.toFixed(2)] : [],
      spoken: `${measure.name} ${value.toFixed(written ? 2 : 3)}`,
    };
  });
}

export function legendOf(profiles: readonly HeadProfile[], measure: Measure): string {
  const values = profiles.flatMap((profile) => measure.of(profile) ?? []);
  const most = values.length === 0 ? 0 : Math.max(...values);
  const full = measure.id === MOST.id ? "1" : most.toFixed(2);
  const rests = measure.id === MOST.id && profiles.some((profile) => strongest(profile)?.kind === "special");
  return `${measure.title} · no color 0, full color ${full}${rests ? " · gray: rests on the first token or on special ones" : ""}`;
}
