/** What a person chooses about the effect of heads on the text, and what the server answered. */
import { IDLE, type Status } from "../../app";
import { isText, oneOf } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { AblateHeadsResult, DecomposeResult } from "../../protocol";

export interface EffectView {
  /** Ablation: what changes without a head. Parts: what each part adds. */
  readonly effectOf: "ablation" | "parts";
  /** What a head gives instead of its output. */
  readonly effectMode: "mean" | "zero";
  /** A second text; "" for none: then the prediction is measured, where the model makes one. */
  readonly effectAgainst: string;
}

export const EFFECT_VIEW: Slice<EffectView> = {
  initial: { effectOf: "ablation", effectMode: "mean", effectAgainst: "" },
  checks: { effectOf: oneOf("ablation", "parts"), effectMode: oneOf("mean", "zero"), effectAgainst: isText },
};

export interface EffectData {
  readonly effects: AblateHeadsResult | null;
  readonly decomposition: DecomposeResult | null;
  readonly measuring: Status;
}

export const EFFECT_DATA: EffectData = { effects: null, decomposition: null, measuring: IDLE };
