/** What the effect pane adds to the menu: the map, and its numbers. */
import type { AppState } from "../../app";
import type { Controller } from "../../control/controller";
import { headMapSvg } from "../../draw/headMap";
import { inkOf } from "../../draw/ink";
import { type MatrixData, matrixSvg, matrixTable } from "../../draw/matrix";
import type { Action } from "../../pane";
import { exporter } from "../../ui/exports";
import { sumSvg } from "./draw/sumSvg";
import { contributions, deltas, MOST_PARTS, measured, sumSteps, unitOf, valueCells } from "./logic/effects";
import { mapLegend } from "./logic/legend";
import { lensMatrix } from "./logic/lens";
import { tokenName } from "./logic/names";
import { pairLegend, pairMatrix } from "./logic/pairs";
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

function partsPicture({ decomposition, capture, view, theme }: AppState): string | null {
  if (decomposition === null || capture === null) return null;
  const title = measured(decomposition, capture, view.effectAgainst.trim());
  return sumSvg(sumSteps(decomposition, MOST_PARTS), title, inkOf(theme));
}

function pairsOf({ decomposition, capture, againstTokens, theme }: AppState): MatrixData | null {
  const pairs = decomposition?.tokenPairs ?? null;
  return pairs === null ? null : pairMatrix(pairs, capture?.tokens ?? [], againstTokens ?? [], inkOf(theme));
}

function lensOf({ lensColumns, capture, theme }: AppState): MatrixData | null {
  if (lensColumns.length === 0) return null;
  return lensMatrix(lensColumns, (capture?.tokens ?? []).map(tokenName), inkOf(theme));
}

function matrixPicture(data: MatrixData | null, title: string, legend: string, state: AppState): string | null {
  return data === null ? null : matrixSvg(data, title, legend, inkOf(state.theme));
}

function matrixActions(controller: Controller, state: AppState): readonly Action[] {
  const { svg, png, csv } = exporter(controller);
  const [pairs, lens] = [pairsOf(state), lensOf(state)];
  const pairsPicture = () =>
    matrixPicture(
      pairs,
      "Pairs of tokens, by what they add to the similarity",
      pairs === null ? "" : pairLegend(pairs),
      state,
    );
  const lensPicture = () =>
    matrixPicture(lens, "What each hidden state would predict", "rows are hidden states, columns are tokens", state);
  return [
    { text: "Save token pairs as SVG", disabled: pairs === null, run: () => svg("token-pairs", pairsPicture()) },
    { text: "Save token pairs as PNG", disabled: pairs === null, run: () => png("token-pairs", pairsPicture()) },
    {
      text: "Save token pairs as CSV",
      disabled: pairs === null,
      run: () => csv("token-pairs", pairs === null ? null : matrixTable(pairs, "value")),
    },
    {
      text: "Save lens of every token as SVG",
      disabled: lens === null,
      run: () => svg("lens-tokens", lensPicture()),
    },
    {
      text: "Save lens of every token as CSV",
      disabled: lens === null,
      run: () => csv("lens-tokens", lens === null ? null : matrixTable(lens, "finalProbability")),
    },
  ];
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
    {
      text: "Save sum of parts as SVG",
      disabled: decomposition === null,
      run: () => svg("parts", partsPicture(state)),
    },
    {
      text: "Save sum of parts as PNG",
      disabled: decomposition === null,
      run: () => png("parts", partsPicture(state)),
    },
    ...matrixActions(controller, state),
    { text: "Save effects as JSON", disabled, run: () => json("effects", effects ?? decomposition) },
  ];
}
