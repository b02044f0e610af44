/** What a person chooses about the summary of the contexts, and the counts. */
import { IDLE, type Status } from "../../app";
import { isFlag, oneOf } from "../../logic/checks";
import { ANNOTATIONS, type Annotation } from "../../logic/labels";
import type { Slice } from "../../pane";
import type { SummarizeResult } from "../../protocol";

export interface SummaryView {
  readonly summaryBy: Annotation;
  /** Beside the contexts the summary may be folded to its strongest finding. */
  readonly summaryFolded: boolean;
}

export const SUMMARY_VIEW: Slice<SummaryView> = {
  initial: { summaryBy: "pos", summaryFolded: false },
  checks: { summaryBy: oneOf(...ANNOTATIONS), summaryFolded: isFlag },
};

export interface SummaryData {
  readonly summarize: Status;
  readonly summary: SummarizeResult | null;
  /** How the comparison with the other heads goes, which comes after the summary. */
  readonly comparing: Status;
}

export const SUMMARY_DATA: SummaryData = { summarize: IDLE, summary: null, comparing: IDLE };
