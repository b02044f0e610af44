/** What a person chooses about the attention picture, and what the server answered for it. */
import { between, isFlag, oneOf } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { Combine, LayerAttention } from "./logic/attention";
import { SEGMENT_FILTERS, type SegmentFilter } from "./logic/masks";
import type { Thumbnails } from "./logic/thumbnails";

export type Weights = "attention" | "valueNorm";

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
}

export const ATTENTION_VIEW: Slice<AttentionView> = {
  initial: {
    topPercent: 70,
    hideSpecial: true,
    words: false,
    combine: "mean",
    segments: "all",
    attentionWeights: "attention",
    hideFirst: false,
  },
  checks: {
    topPercent: between(0, 100),
    hideSpecial: isFlag,
    words: isFlag,
    combine: oneOf("mean", "sum"),
    segments: oneOf(...SEGMENT_FILTERS),
    attentionWeights: oneOf("attention", "valueNorm"),
    hideFirst: isFlag,
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
}

export const ATTENTION_DATA: AttentionData = { layer: null, layerShown: 0, weightsShown: "attention", thumbnails: [] };
