/** What the compare pane adds to the menu: pinning, its pictures, and its numbers. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import { pinnable } from "../../control/passes";
import { headMapSvg } from "../../draw/headMap";
import { inkOf } from "../../draw/ink";
import { matrixSvg, matrixTable } from "../../draw/matrix";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { differenceSvg } from "./draw/differenceSvg";
import { predictionsSvg } from "./draw/predictionsSvg";
import {
  differenceEdges,
  divergenceCells,
  divergenceLegend,
  placeNames,
  turnLegend,
  turnMatrix,
} from "./logic/differences";
import { divergenceTable, edgesTable, predictionsTable } from "./tables";

export const CURVES_LEGEND = "whole line: more attention in B · dashed: less in B";

/** What stands at each place in both passes. */
export function namesOf({ pinnedCapture, capture }: Pick<AppState, "pinnedCapture" | "capture">): string[] {
  return pinnedCapture === null || capture === null ? [] : placeNames(pinnedCapture.tokens, capture.tokens);
}

function mapPicture({ comparison, theme }: AppState): string | null {
  if (comparison === null) return null;
  const ink = inkOf(theme);
  return headMapSvg(divergenceCells(comparison, ink), "Attention of A and B", divergenceLegend(comparison), ink);
}

function curvesPicture(state: AppState): string | null {
  const { headPair } = state;
  if (headPair === null) return null;
  const { before, after, n, layer, head } = headPair;
  const title = `Attention of head ${layer}.${head}, B less A`;
  return differenceSvg(differenceEdges(before, after, n), namesOf(state), title, CURVES_LEGEND, inkOf(state.theme));
}

function statesPicture(state: AppState): string | null {
  const { comparison, theme } = state;
  if (comparison === null) return null;
  const ink = inkOf(theme);
  return matrixSvg(
    turnMatrix(comparison, namesOf(state), ink),
    "Hidden states of A and B",
    turnLegend(comparison),
    ink,
  );
}

function predictionsPicture(state: AppState): string | null {
  const { comparison, theme } = state;
  return comparison === null
    ? null
    : predictionsSvg(comparison.predictions, namesOf(state), "Predictions of A and B", inkOf(theme));
}

/** Pins what is shown; looks at the comparison. */
export function pinShown(controller: Controller): void {
  const { capture } = controller.store.get();
  if (capture !== null) controller.update({ compareWith: pinnable(capture), pane: "compare" });
}

export function compareActions(controller: Controller, state: AppState): readonly Action[] {
  const { comparison, headPair, capture } = state;
  const none = comparison === null;
  const unchanged = (comparison?.predictions.length ?? 0) === 0;
  const { svg, png, csv, json } = exporter(controller);
  const edges = () =>
    headPair === null ? null : edgesTable(differenceEdges(headPair.before, headPair.after, headPair.n), namesOf(state));
  const states = () =>
    comparison === null ? null : matrixTable(turnMatrix(comparison, namesOf(state), inkOf(state.theme)), "cosine");
  return [
    { text: "Pin this text to compare with", disabled: capture === null, run: () => pinShown(controller) },
    { text: "Save comparison of heads as SVG", disabled: none, run: () => svg("comparison", mapPicture(state)) },
    { text: "Save comparison of heads as PNG", disabled: none, run: () => png("comparison", mapPicture(state)) },
    {
      text: "Save comparison of heads as CSV",
      disabled: none,
      run: () => csv("comparison", comparison === null ? null : divergenceTable(comparison)),
    },
    {
      text: "Save difference curves as SVG",
      disabled: headPair === null,
      run: () => svg("difference-curves", curvesPicture(state)),
    },
    {
      text: "Save difference curves as PNG",
      disabled: headPair === null,
      run: () => png("difference-curves", curvesPicture(state)),
    },
    {
      text: "Save difference curves as CSV",
      disabled: headPair === null,
      run: () => csv("difference-curves", edges()),
    },
    {
      text: "Save hidden states of both as SVG",
      disabled: none,
      run: () => svg("hidden-states", statesPicture(state)),
    },
    {
      text: "Save hidden states of both as PNG",
      disabled: none,
      run: () => png("hidden-states", statesPicture(state)),
    },
    { text: "Save hidden states of both as CSV", disabled: none, run: () => csv("hidden-states", states()) },
    {
      text: "Save changed predictions as SVG",
      disabled: unchanged,
      run: () => svg("changed-predictions", predictionsPicture(state)),
    },
    {
      text: "Save changed predictions as PNG",
      disabled: unchanged,
      run: () => png("changed-predictions", predictionsPicture(state)),
    },
    {
      text: "Save changed predictions as CSV",
      disabled: unchanged,
      run: () => csv("changed-predictions", comparison === null ? null : predictionsTable(comparison, namesOf(state))),
    },
    { text: "Save comparison as JSON", disabled: none, run: () => json("comparison", comparison) },
  ];
}
