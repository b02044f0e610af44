/** What a person chooses about the attention picture, and what the server answered for it. */
import { IDLE, type Status } from "../../app";
import { between, type Check, isFlag, isIndex, isObject, isText, oneOf } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { QueryKeyResult } from "../../protocol";
import type { FirstLookState } from "./first/firstLook";
import type { Combine, LayerAttention } from "./logic/attention";
import { SEGMENT_FILTERS, type SegmentFilter } from "./logic/masks";
import type { Thumbnails } from "./logic/thumbnails";

export type Weights = "attention" | "valueNorm";

export type HeatMapPlace = "both" | "only" | "off";

export interface AttentionView {
  /** 0..100 */
  readonly topPercent: number;
  readonly hideSpecial: boolean;
  readonly words: boolean;
  readonly combine: Combine;
  readonly segments: SegmentFilter;
  /** What curves and cells are: attention, or attention times the norm of what each token hands over. */
  readonly attentionWeights: Weights;
  /** The first token is hidden: many decoders rest on it. */
  readonly hideFirst: boolean;
  /** Long texts: a heat map above the curves, alone, or not at all. */
  readonly heatMap: HeatMapPlace;
  /** Whether the dimensions of query and keys are shown. */
  readonly showQueryKey: boolean;
  /** Whether the view still has to choose a head that shows something, or which one it chose. */
  readonly firstLook: FirstLookState;
}

const isFirstLook: Check = (value) =>
  value === null ||
  value === "wanted" ||
  (isObject(value) && isText(value.model) && isIndex(value.layer) && isIndex(value.head));

export const ATTENTION_VIEW: Slice<AttentionView> = {
  initial: {
    topPercent: 70,
    hideSpecial: true,
    words: false,
    combine: "mean",
    segments: "all",
    attentionWeights: "attention",
    hideFirst: false,
    heatMap: "both",
    showQueryKey: false,
    firstLook: null,
  },
  // a link says what is on show
  fresh: { firstLook: "wanted" },
  checks: {
    topPercent: between(0, 100),
    hideSpecial: isFlag,
    words: isFlag,
    combine: oneOf("mean", "sum"),
    segments: oneOf(...SEGMENT_FILTERS),
    attentionWeights: oneOf("attention", "valueNorm"),
    hideFirst: isFlag,
    heatMap: oneOf("both", "only", "off"),
    showQueryKey: isFlag,
    firstLook: isFirstLook,
  },
};

export interface AttentionData {
  /** The layer shown, of the stack shown; null while it is fetched for the first time. */
  readonly layer: LayerAttention | null;
  /** Which layer `layer` is; it lags `view.layer` while the next one is on its way. */
  readonly layerShown: number;
  readonly weightsShown: Weights;
  /** One for each layer of the stack shown; null until it is fetched. */
  readonly thumbnails: readonly (Thumbnails | null)[];
  /** What the row of the pinned token is made of, in the one chosen head. */
  readonly queryKey: QueryKeyResult | null;
  readonly queryKeyStatus: Status;
}

export const ATTENTION_DATA: AttentionData = {
  layer: null,
  layerShown: 0,
  weightsShown: "attention",
  thumbnails: [],
  queryKey: null,
  queryKeyStatus: IDLE,
};
