/** The pass that another is compared with, and how they differ. */
import { IDLE, type Status } from "../../app";
import type { Pass } from "../../control/passes";
import { type Check, isIndex, isObject, isText, listOf, oneOf, orNull } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { CompareCapturesResult, Token } from "../../protocol";

export interface CompareView {
  /** Pass A; B is what the view shows. null: nothing is pinned. */
  readonly compareWith: Pass | null;
}

const isHead: Check = (value) => isObject(value) && isIndex(value.layer) && isIndex(value.head);

const isPass: Check = (value) =>
  isObject(value) &&
  isObject(value.input) &&
  isText(value.input.text) &&
  isText(value.label) &&
  orNull(isText)(value.model) &&
  listOf(isIndex)(value.mask) &&
  listOf(isHead)(value.without) &&
  oneOf("mean", "zero")(value.withoutMode);

export const COMPARE_VIEW: Slice<CompareView> = {
  initial: { compareWith: null },
  checks: { compareWith: orNull(isPass) },
};

/** Pass A as the server holds it. */
export interface PinnedCapture {
  readonly id: string;
  /** The pass that it is of. */
  readonly key: string;
  readonly tokens: readonly Token[];
  readonly model: string;
}

/** One head's attention in both passes, `[query][key]`, float32. */
export interface HeadPair {
  readonly layer: number;
  readonly head: number;
  readonly n: number;
  readonly before: Float32Array;
  readonly after: Float32Array;
}

export interface CompareData {
  readonly pinnedCapture: PinnedCapture | null;
  readonly comparison: CompareCapturesResult | null;
  readonly comparingPasses: Status;
  readonly headPair: HeadPair | null;
  readonly readingPair: Status;
}

export const COMPARE_DATA: CompareData = {
  pinnedCapture: null,
  comparison: null,
  comparingPasses: IDLE,
  headPair: null,
  readingPair: IDLE,
};
