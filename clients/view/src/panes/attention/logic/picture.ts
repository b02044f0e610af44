/** From a layer and a person's choices to what the attention picture shows; each step is redone only when its input changed. */
import { eachTokenAlone, type Group, groupByWord, groupOf } from "../../../logic/units";
import type { Token } from "../../../protocol";
import { type Aside, asideOf } from "./aside";
import {
  type Combine,
  combineHeads,
  type Edges,
  headMatrix,
  type LayerAttention,
  type Masks,
  topEdges,
} from "./attention";
import { masksFor, type SegmentFilter } from "./masks";
import { aggregate } from "./words";

export interface PictureInput {
  readonly layer: LayerAttention;
  readonly left: readonly Token[];
  readonly right: readonly Token[];
  readonly words: boolean;
  readonly hideSpecial: boolean;
  readonly hideFirst: boolean;
  readonly segments: SegmentFilter;
  /** Head ids; null: all. */
  readonly heads: readonly number[] | null;
  readonly combine: Combine;
  readonly topPercent: number;
  /** A token of one side, hovered or pinned: the other side's matrix is restricted to it. */
  readonly inspected: { readonly side: "left" | "right"; readonly token: number } | null;
}

/** The row of the inspected token. */
export interface Focus {
  readonly side: "left" | "right";
  readonly row: number;
}

export interface Picture {
  readonly layer: LayerAttention;
  readonly leftGroups: readonly Group[];
  readonly rightGroups: readonly Group[];
  readonly masks: Masks;
  /** Positions on the layer's head axis. */
  readonly chosen: readonly number[];
  readonly matrix: Float32Array;
  readonly edges: Edges;
  /** `[row][head]` */
  readonly leftMatrix: Float32Array;
  readonly rightMatrix: Float32Array;
  readonly focus: Focus | null;
  /** What goes to special tokens, whether they are hidden or not. */
  readonly aside: Aside;
}

/** Remembers the last answer of a function of the same arguments. */
function memo<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | null = null;
  return (...args) => {
    if (last?.args.every((arg, i) => Object.is(arg, args[i]))) return last.result;
    const result = compute(...args);
    last = { args, result };
    return result;
  };
}

export function chosenPositions(axis: readonly number[], heads: readonly number[] | null): number[] {
  const positions = axis.map((_, i) => i);
  return heads === null ? positions : positions.filter((i) => heads.includes(axis[i]));
}

/** One maker for each view; it keeps the intermediate results of the last picture. */
export function pictureMaker(): (input: PictureInput) => Picture {
  const leftGroups = memo((tokens: readonly Token[], words: boolean) =>
    words ? groupByWord(tokens) : eachTokenAlone(tokens.length),
  );
  const rightGroups = memo((tokens: readonly Token[], words: boolean) =>
    words ? groupByWord(tokens) : eachTokenAlone(tokens.length),
  );
  const grouped = memo(aggregate);
  const masks = memo(
    (
      l: readonly Token[],
      lg: readonly Group[],
      r: readonly Token[],
      rg: readonly Group[],
      hideSpecial: boolean,
      hideFirst: boolean,
      segments: SegmentFilter,
    ) => masksFor(l, lg, r, rg, { hideSpecial, hideFirst, segments }),
  );
  const chosen = memo(chosenPositions);
  const combined = memo(combineHeads);
  const edges = memo(topEdges);
  const aside = memo(asideOf);
  const leftMatrix = memo((layer: LayerAttention, keep: Masks, only: number | null) =>
    headMatrix(layer, "outgoing", keep, only),
  );
  const rightMatrix = memo((layer: LayerAttention, keep: Masks, only: number | null) =>
    headMatrix(layer, "incoming", keep, only),
  );
  return (input) => {
    const lg = leftGroups(input.left, input.words);
    const rg = rightGroups(input.right, input.words);
    const layer = grouped(input.layer, lg, rg);
    const keep = masks(input.left, lg, input.right, rg, input.hideSpecial, input.hideFirst, input.segments);
    const heads = chosen(layer.heads, input.heads);
    const matrix = combined(layer, heads, input.combine, keep);
    const { inspected } = input;
    const row = inspected === null ? -1 : groupOf(inspected.side === "left" ? lg : rg, inspected.token);
    const focus = inspected === null || row < 0 ? null : { side: inspected.side, row };
    return {
      focus,
      layer,
      leftGroups: lg,
      rightGroups: rg,
      masks: keep,
      chosen: heads,
      matrix,
      aside: aside(layer, heads, rg, input.right),
      edges: edges(matrix, layer.nQueries, layer.nKeys, input.topPercent),
      leftMatrix: leftMatrix(layer, keep, focus?.side === "right" ? focus.row : null),
      rightMatrix: rightMatrix(layer, keep, focus?.side === "left" ? focus.row : null),
    };
  };
}
