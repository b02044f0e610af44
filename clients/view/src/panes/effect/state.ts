/** What a person chooses about the effect of heads on the text, and what the server answered. */
import { IDLE, type Status } from "../../app";
import { isText, oneOf } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { AblateHeadsResult, DecomposeResult, LensLayer, Token } from "../../protocol";

export interface EffectView {
  /** Ablation: what changes without a head. Parts: what each part adds. */
  readonly effectOf: "ablation" | "parts";
  /** What a head gives instead of its output. */
  readonly effectMode: "mean" | "zero";
  /** A second text; "" for none: then the prediction is measured, where the model makes one. */
  readonly effectAgainst: string;
  /** Where each hidden state's prediction is read: at the token that is measured, or at every token. */
  readonly effectLens: "one" | "all";
}

export const EFFECT_VIEW: Slice<EffectView> = {
  initial: { effectOf: "ablation", effectMode: "mean", effectAgainst: "", effectLens: "one" },
  checks: {
    effectOf: oneOf("ablation", "parts"),
    effectMode: oneOf("mean", "zero"),
    effectAgainst: isText,
    effectLens: oneOf("one", "all"),
  },
};

/** What each hidden state predicts at one token. */
export interface LensColumn {
  readonly token: number;
  readonly lens: readonly LensLayer[];
}

export interface EffectData {
  readonly effects: AblateHeadsResult | null;
  readonly decomposition: DecomposeResult | null;
  readonly measuring: Status;
  /** Tokens of the second text, whose pairs with those of the first add up to the similarity. */
  readonly againstTokens: readonly Token[] | null;
  readonly lensColumns: readonly LensColumn[];
  readonly readingLens: Status;
}

export const EFFECT_DATA: EffectData = {
  effects: null,
  decomposition: null,
  measuring: IDLE,
  againstTokens: null,
  lensColumns: [],
  readingLens: IDLE,
};
