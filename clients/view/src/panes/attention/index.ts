/** Tokens, the attention between them, and all heads at a glance. */
import "./attention.css";
import "./first/first.css";
import "./map/map.css";
import "./queryKey/queryKey.css";
import type { PaneOf } from "../../pane";
import { attentionActions } from "./actions";
import { AttentionLoader } from "./loader";
import { ATTENTION_DATA, ATTENTION_VIEW, type AttentionData, type AttentionView } from "./state";
import { AttentionPane } from "./ui/AttentionPane";

export const attention: PaneOf<"attention", AttentionView, AttentionData, AttentionLoader> = {
  id: "attention",
  tab: () => "Attention",
  wide: { column: 0, order: 0 },
  view: ATTENTION_VIEW,
  data: ATTENTION_DATA,
  followsText: true,
  component: AttentionPane,
  start: (controller) => new AttentionLoader(controller),
  actions: attentionActions,
};
