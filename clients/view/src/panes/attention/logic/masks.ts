/** Which rows and columns of the picture count: special tokens and segment filters. */
import type { Group } from "../../../logic/units";
import type { Masks } from "./attention";

/** `all`, or from one segment to another: "AB" shows what tokens of the first give to the second. */
export type SegmentFilter = "all" | "AA" | "AB" | "BA" | "BB";

export const SEGMENT_FILTERS: readonly SegmentFilter[] = ["all", "AA", "AB", "BA", "BB"];

interface Maskable {
  readonly isSpecial: boolean;
  readonly segment: number;
}

/** What is left out of the picture. */
export interface Hidden {
  readonly hideSpecial: boolean;
  readonly hideFirst: boolean;
}

function side(
  tokens: readonly Maskable[],
  groups: readonly Group[],
  hidden: Hidden,
  segment: string | null,
): Uint8Array {
  return Uint8Array.from(groups, (group) => {
    const token = tokens[group.tokens[0]];
    if (hidden.hideSpecial && token.isSpecial) return 0;
    if (hidden.hideFirst && group.tokens[0] === 0) return 0;
    if (segment !== null && token.segment !== (segment === "A" ? 0 : 1)) return 0;
    return 1;
  });
}

export function masksFor(
  left: readonly Maskable[],
  leftGroups: readonly Group[],
  right: readonly Maskable[],
  rightGroups: readonly Group[],
  options: Hidden & { readonly segments: SegmentFilter },
): Masks {
  const { segments } = options;
  return {
    rows: side(left, leftGroups, options, segments === "all" ? null : segments[0]),
    columns: side(right, rightGroups, options, segments === "all" ? null : segments[1]),
  };
}
