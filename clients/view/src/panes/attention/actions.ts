/** What the attention pane adds to the menu: its pictures, and its curves and tokens as tables. */
import { type AppState, attentionLayersOf, sides } from "../../app";
import type { Controller } from "../../control/controller";
import { inkOf } from "../../draw/ink";
import { modeOf } from "../../logic/palette";
import { proseOf, sourceRange } from "../../logic/prose";
import { groupLabel } from "../../logic/units";
import type { Action } from "../../pane";
import type { Token } from "../../protocol";
import { exporter } from "../../ui/exports";
import { attentionSvg } from "./draw/attentionSvg";
import { layoutAttention } from "./draw/layout";
import { overviewSvg } from "./draw/overviewSvg";
import { pictureMaker } from "./logic/picture";
import { edgesTable, tokensTable } from "./tables";

const PICTURE_WIDTH = 760;

function drawnPicture(state: AppState) {
  const { capture, layer, view } = state;
  const { left, right } = sides(capture, view.stack);
  if (layer === null || layer.nQueries !== left.length) return null;
  const picture = pictureMaker()({ ...view, layer, left, right, inspected: view.pinned });
  return {
    picture,
    leftLabels: picture.leftGroups.map((group) => groupLabel(left, group)),
    rightLabels: picture.rightGroups.map((group) => groupLabel(right, group)),
  };
}

/** The attention picture as a standalone SVG; null while there is none. */
export function attentionPicture(state: AppState): string | null {
  const drawn = drawnPicture(state);
  if (drawn === null || state.capture === null) return null;
  const { view, theme, capture } = state;
  const longest = Math.min(22, Math.max(...drawn.leftLabels.concat(drawn.rightLabels).map((text) => text.length)));
  const heads =
    view.heads === null
      ? "all heads"
      : view.heads.length === 1
        ? `head ${view.heads[0]}`
        : `heads ${view.heads.join(", ") || "none"}`;
  return attentionSvg({
    ...drawn,
    layout: layoutAttention(PICTURE_WIDTH, drawn.picture.layer.heads.length, longest),
    title: `${capture.model.id} · layer ${state.layerShown}, ${heads} · top ${view.topPercent} %${state.weightsShown === "valueNorm" ? " of attention × value norm" : ""}`,
    ink: inkOf(theme),
    mode: modeOf(theme),
  });
}

function allRead({ capture, thumbnails, view }: AppState): boolean {
  return (
    capture !== null && attentionLayersOf(capture, view.stack).every((layer) => (thumbnails[layer] ?? null) !== null)
  );
}

/** All heads of all layers as a standalone SVG; null while some are still read. */
function overviewPicture(state: AppState): string | null {
  const { capture, thumbnails, view, theme } = state;
  if (capture === null || thumbnails.length === 0 || !allRead(state)) return null;
  return overviewSvg({
    thumbnails,
    nHeads: capture.model.nHeads,
    hideSpecial: view.hideSpecial,
    title: `${capture.model.id} · all layers (rows) and heads (columns)`,
    ink: inkOf(theme),
    mode: modeOf(theme),
  });
}

/** Places of tokens in the Markdown that was read as prose; null where the text is as it was selected. */
function placesOf({ capture, view }: AppState) {
  if (capture === null || view.source === null || !view.asProse) return null;
  const prose = proseOf(view.source);
  return capture.text === prose.text ? ({ start, end }: Token) => sourceRange(prose, start, end) : null;
}

export function attentionActions(controller: Controller, state: AppState): readonly Action[] {
  const picture = state.capture !== null && state.layer !== null;
  const overview = picture && allRead(state);
  const { svg, png, csv, json } = exporter(controller);
  const annotated = picture && state.annotating.phase !== "busy";
  const tokens = () => [...(state.capture?.tokens ?? []), ...(state.capture?.decoderTokens ?? [])];
  const edges = () => {
    const drawn = drawnPicture(state);
    return drawn === null ? null : edgesTable(drawn.picture.edges, drawn.leftLabels, drawn.rightLabels);
  };
  return [
    { text: "Save attention as SVG", disabled: !picture, run: () => svg("attention", attentionPicture(state)) },
    { text: "Save attention as PNG", disabled: !picture, run: () => png("attention", attentionPicture(state)) },
    { text: "Save curves as CSV", disabled: !picture, run: () => csv("curves", edges()) },
    { text: "Save curves as JSON", disabled: !picture, run: () => json("curves", edges()) },
    { text: "Save all heads as SVG", disabled: !overview, run: () => svg("heads", overviewPicture(state)) },
    { text: "Save all heads as PNG", disabled: !overview, run: () => png("heads", overviewPicture(state)) },
    {
      text: "Save tokens as CSV",
      disabled: !annotated,
      run: () => csv("tokens", tokensTable(tokens(), placesOf(state))),
    },
    { text: "Save tokens as JSON", disabled: !annotated, run: () => json("tokens", tokens()) },
  ];
}
