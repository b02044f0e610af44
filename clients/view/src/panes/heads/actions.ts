/** What the heads pane adds to the menu: its map and its numbers. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import { headMapSvg } from "../../draw/headMap";
import { inkOf } from "../../draw/ink";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { legendOf, MOST, mapCells, measuresOf } from "./logic/measures";
import { headsTable, measuresTable } from "./tables";

export function headsPicture(state: AppState): string | null {
  const { profile, view, theme } = state;
  if (profile === null) return null;
  const measure = measuresOf(profile).find(({ id }) => id === view.headMeasure) ?? MOST;
  const ink = inkOf(theme);
  const title = `${profile.model} · ${measure.name} · ${profile.corpus}`;
  return headMapSvg(mapCells(profile.heads, measure, ink), title, legendOf(profile.heads, measure), ink);
}

export function headsActions(controller: Controller, state: AppState): readonly Action[] {
  const { profile } = state;
  const disabled = profile === null;
  const heads = profile?.heads ?? [];
  const { svg, png, csv, json } = exporter(controller);
  return [
    { text: "Save map of heads as SVG", disabled, run: () => svg("head-map", headsPicture(state)) },
    { text: "Save map of heads as PNG", disabled, run: () => png("head-map", headsPicture(state)) },
    { text: "Save heads as CSV", disabled, run: () => csv("head-profiles", headsTable(heads)) },
    { text: "Save roles and words as CSV", disabled, run: () => csv("head-roles", measuresTable(heads)) },
    { text: "Save heads as JSON", disabled, run: () => json("head-profiles", profile) },
  ];
}
