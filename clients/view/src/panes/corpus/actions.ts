/** What the corpus pane adds to the menu: the contexts on show. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { shownHits } from "./hits";
import { hitsTable } from "./tables";

export function corpusActions(controller: Controller, state: AppState): readonly Action[] {
  const disabled = state.result === null;
  const { csv, json } = exporter(controller);
  return [
    { text: "Save contexts as CSV", disabled, run: () => csv("contexts", hitsTable(shownHits(state))) },
    { text: "Save contexts as JSON", disabled, run: () => json("contexts", shownHits(state)) },
  ];
}
