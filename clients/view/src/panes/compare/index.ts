/** How two passes differ: before and after a mask or without a head, two texts, two models. */
import "./compare.css";
import type { PaneOf } from "../../pane";
import { compareActions } from "./actions";
import { Comparer } from "./comparer";
import { COMPARE_DATA, COMPARE_VIEW, type CompareData, type CompareView } from "./state";
import { ComparePane } from "./ui/ComparePane";

export const compare: PaneOf<"compare", CompareView, CompareData, Comparer> = {
  id: "compare",
  tab: () => "Compare",
  wide: "alone",
  view: COMPARE_VIEW,
  data: COMPARE_DATA,
  followsText: true,
  component: ComparePane,
  start: (controller) => new Comparer(controller),
  actions: compareActions,
};
