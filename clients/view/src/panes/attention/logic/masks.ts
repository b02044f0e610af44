/** Which rows and columns of the picture count: special tokens and segment filters. */
import type { Masks } from "./attention";
import type { Group } from "./words";

/** `all`, or from one segment to another: "AB" shows what tokens of the first give to the second. */
export type SegmentFilter = "all" | "AA" | "AB" | "BA" | "BB";

export const SEGMENT_FILTERS: readonly SegmentFilter[] = ["all", "AA", "AB", "BA", "BB"];

interface Maskable {
  readonly isSpecial: boolean;
  readonly segment: number;
}

function side(
  tokens: readonly Maskable[],
  groups: readonly Group[],
  hideSpecial: boolean,
  segment: string | null,
): Uint8Array {
  return Uint8Array.from(groups, (group) => {
    const token = tokens[group.tokens[0]];
    if (hideSpecial && token.isSpecial) return 0;
    if (segment !== null && token.segment !== (segment === "A" ? 0 : 1)) return 0;
    return 1;
  });
}

export function masksFor(
  left: readonly Maskable[],
  leftGroups: readonly Group[],
  right: readonly Maskable[],
  rightGroups: readonly Group[],
  options: { readonly hideSpecial: boolean; readonly segments: SegmentFilter },
): Masks {
  const { hideSpecial, segments } = options;
  return {
    rows: side(left, leftGroups, hideSpecial, segments === "all" ? null : segments[0]),
    columns: side(right, rightGroups, hideSpecial, segments === "all" ? null : segments[1]),
  };
}
