/** What a person chooses about the heads of the model, and what they do everywhere in the corpus. */
import { IDLE, type Status } from "../../app";
import { isIndex, isObject, isText, orNull } from "../../logic/checks";
import type { Slice } from "../../pane";
import type { HeadProfile, ProfileResult } from "../../protocol";

export interface HeadsView {
  /** The id of the measure that colors the map. */
  readonly headMeasure: string;
  /** The head whose card is shown; the effect pane looks at the same one. */
  readonly chosenHead: { readonly layer: number; readonly head: number } | null;
  /** The role or word whose examples are shown; null: the first that has some. */
  readonly headTopic: string | null;
  /** What heads are looked for: a measure, a role or a word. */
  readonly headQuery: string;
}

export const HEADS_VIEW: Slice<HeadsView> = {
  initial: { headMeasure: "most", chosenHead: null, headTopic: null, headQuery: "" },
  checks: {
    headMeasure: isText,
    chosenHead: orNull((value) => isObject(value) && isIndex(value.layer) && isIndex(value.head)),
    headTopic: orNull(isText),
    headQuery: isText,
  },
};

export interface HeadsData {
  readonly profile: ProfileResult | null;
  readonly profiling: Status;
  /** The chosen head's profile, with examples. */
  readonly headExamples: HeadProfile | null;
  readonly findingExamples: Status;
}

export const HEADS_DATA: HeadsData = { profile: null, profiling: IDLE, headExamples: null, findingExamples: IDLE };
