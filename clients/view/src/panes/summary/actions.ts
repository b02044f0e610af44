/** What the summary pane adds to the menu: its histograms. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import { inkOf } from "../../draw/ink";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { histogramsSvg } from "./draw/histogramSvg";
import { summaryTable } from "./tables";

function summaryPicture(state: AppState, query: string): string | null {
  const { summary, view, theme } = state;
  if (summary === null) return null;
  const shown = summary.histograms
    .filter((one) => one.attribute === view.summaryBy || one.attribute === "offset")
    .map((one) => ({ ...one, bins: one.bins.filter((bin) => bin.count > 0).slice(0, 12) }));
  return histogramsSvg(shown, `Contexts like “${query}” in ${view.corpus ?? ""}`, inkOf(theme));
}

export function summaryActions(controller: Controller, state: AppState): readonly Action[] {
  const { summary } = state;
  const disabled = summary === null;
  const query = controller.queryName();
  const { svg, png, csv, json } = exporter(controller);
  return [
    { text: "Save summary as SVG", disabled, run: () => svg("summary", summaryPicture(state, query)) },
    { text: "Save summary as PNG", disabled, run: () => png("summary", summaryPicture(state, query)) },
    {
      text: "Save summary as CSV",
      disabled,
      run: () => csv("summary", summary === null ? null : summaryTable(summary)),
    },
    { text: "Save summary as JSON", disabled, run: () => json("summary", summary) },
  ];
}
