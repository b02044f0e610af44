/** Whether heads matter for the text: what changes without each of them, and what each part adds. */
import "./effect.css";
import type { PaneOf } from "../../pane";
import { effectActions } from "./actions";
import { EffectMeasurer } from "./measurer";
import { EFFECT_DATA, EFFECT_VIEW, type EffectData, type EffectView } from "./state";
import { EffectPane } from "./ui/EffectPane";

export const effect: PaneOf<"effect", EffectView, EffectData, EffectMeasurer> = {
  id: "effect",
  tab: () => "Effect",
  wide: "alone",
  view: EFFECT_VIEW,
  data: EFFECT_DATA,
  followsText: true,
  component: EffectPane,
  start: (controller) => new EffectMeasurer(controller),
  actions: effectActions,
};
