/** What the effect pane adds to the menu: the map, and its numbers. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import { headMapSvg } from "../../draw/headMap";
import { inkOf } from "../../draw/ink";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { contributions, deltas, measured, unitOf, valueCells } from "./logic/effects";
import { mapLegend } from "./logic/legend";
import { effectsTable, lensTable, partsTable } from "./tables";

export function effectPicture(state: AppState): string | null {
  const { effects, decomposition, capture, view, theme } = state;
  const answer = effects ?? decomposition;
  if (answer === null || capture === null) return null;
  const ink = inkOf(theme);
  const values = effects !== null ? deltas(effects) : decomposition !== null ? contributions(decomposition) : [];
  const title = measured(answer, capture, view.effectAgainst.trim());
  const cells = valueCells(values, unitOf(answer.measure), ink);
  return headMapSvg(cells, title, mapLegend(view.effectOf, answer.measure, values), ink);
}

export function effectActions(controller: Controller, state: AppState): readonly Action[] {
  const { effects, decomposition } = state;
  const disabled = effects === null && decomposition === null;
  const { svg, png, csv, json } = exporter(controller);
  const table = () =>
    effects !== null ? effectsTable(effects) : decomposition === null ? null : partsTable(decomposition);
  return [
    { text: "Save effects as SVG", disabled, run: () => svg("effects", effectPicture(state)) },
    { text: "Save effects as PNG", disabled, run: () => png("effects", effectPicture(state)) },
    { text: "Save effects as CSV", disabled, run: () => csv("effects", table()) },
    {
      text: "Save lens as CSV",
      disabled: decomposition === null || decomposition.lens.length === 0,
      run: () => csv("lens", decomposition === null ? null : lensTable(decomposition)),
    },
    { text: "Save effects as JSON", disabled, run: () => json("effects", effects ?? decomposition) },
  ];
}
