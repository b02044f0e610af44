/** What every head does everywhere in the corpus: a map of all heads, and a card of one. */
import "./heads.css";
import type { PaneOf } from "../../pane";
import { headsActions } from "./actions";
import { HeadProfiler } from "./profiler";
import { HEADS_DATA, HEADS_VIEW, type HeadsData, type HeadsView } from "./state";
import { HeadsPane } from "./ui/HeadsPane";

export const heads: PaneOf<"heads", HeadsView, HeadsData, HeadProfiler> = {
  id: "heads",
  tab: () => "Heads",
  wide: "alone",
  view: HEADS_VIEW,
  data: HEADS_DATA,
  component: HeadsPane,
  start: (controller) => new HeadProfiler(controller),
  actions: headsActions,
};
