/** What the contexts on show have in common, compared with the corpus as a whole. */
import "./summary.css";
import type { PaneOf } from "../../pane";
import { summaryActions } from "./actions";
import { SUMMARY_DATA, SUMMARY_VIEW, type SummaryData, type SummaryView } from "./state";
import { Summarizer } from "./summarizer";
import { SummaryPane } from "./ui/SummaryPane";

export const summary: PaneOf<"summary", SummaryView, SummaryData, Summarizer> = {
  id: "summary",
  tab: () => "Summary",
  wide: { column: 1, order: 0 },
  view: SUMMARY_VIEW,
  data: SUMMARY_DATA,
  component: SummaryPane,
  start: (controller) => new Summarizer(controller),
  actions: summaryActions,
};
