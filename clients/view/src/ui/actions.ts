/** What the menu offers: pictures, tables, and the view itself as something to keep or send. */
import { type AppState, sides } from "../app";
import type { Controller } from "../control/controller";
import { attentionSvg } from "../panes/attention/draw/attentionSvg";
import { histogramsSvg } from "../panes/summary/draw/histogramSvg";
import { inkOf } from "../draw/ink";
import { layoutAttention } from "../panes/attention/draw/layout";
import { overviewSvg } from "../panes/attention/draw/overviewSvg";
import { toCsv } from "../logic/csv";
import { edgesTable, hitsTable, summaryTable, tokensTable } from "../logic/tables";
import { modeOf } from "../logic/palette";
import { pictureMaker } from "../panes/attention/logic/picture";
import { shownHits } from "../panes/corpus/hits";
import { svgToPng } from "./png";
import { groupLabel } from "../panes/attention/ui/tokenView";

export interface Action {
  readonly text: string;
  readonly run: () => void;
  readonly disabled?: boolean;
  readonly separated?: boolean;
}

const PICTURE_WIDTH = 760;

function drawnPicture(state: AppState) {
  const { capture, layer, view } = state;
  const { left, right } = sides(capture, view.stack);
  if (layer === null || layer.nQueries !== left.length) return null;
  const picture = pictureMaker()({ ...view, layer, left, right, looked: view.pinned });
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
  const heads = view.heads === null ? "all heads" : view.heads.length === 1 ? `head ${view.heads[0]}` : `heads ${view.heads.join(", ") || "none"}`;
  return attentionSvg({
    ...drawn,
    layout: layoutAttention(PICTURE_WIDTH, drawn.picture.layer.heads.length, longest),
    title: `${capture.model.id} · layer ${state.layerShown}, ${heads} · top ${view.topPercent} %`,
    ink: inkOf(theme),
    mode: modeOf(theme),
  });
}

/** All heads of all layers as a standalone SVG; null while some are still read. */
function overviewPicture(state: AppState): string | null {
  const { capture, thumbnails, view, theme } = state;
  if (capture === null || thumbnails.length === 0 || thumbnails.includes(null)) return null;
  return overviewSvg({
    thumbnails,
    nHeads: capture.model.nHeads,
    hideSpecial: view.hideSpecial,
    title: `${capture.model.id} · all layers (rows) and heads (columns)`,
    ink: inkOf(theme),
    mode: modeOf(theme),
  });
}

function summaryPicture(state: AppState, query: string): string | null {
  const { summary, view, theme } = state;
  if (summary === null) return null;
  const shown = summary.histograms
    .filter((one) => one.attribute === view.summaryBy || one.attribute === "offset")
    .map((one) => ({ ...one, bins: one.bins.filter((bin) => bin.count > 0).slice(0, 12) }));
  return histogramsSvg(shown, `Contexts like “${query}” in ${view.corpus ?? ""}`, inkOf(theme));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function menuActions(controller: Controller, restore: () => void): Action[] {
  const state = controller.store.get();
  const { result, summary } = state;
  const query = controller.queryName();
  const picture = state.capture !== null && state.layer !== null;
  const overview = picture && !state.thumbnails.includes(null);
  const tokens = () => [...(state.capture?.tokens ?? []), ...(state.capture?.decoderTokens ?? [])];
  const save = (name: string, mime: string, data: string | Uint8Array) => void controller.save(name, mime, data);
  const savePng = async (name: string, svg: string) => {
    const png = await svgToPng(svg);
    if (png === null) controller.store.set({ notice: "This page could not draw the PNG; the SVG can be saved." });
    else save(name, "image/png", png);
  };
  const svg = (name: string, text: string | null) => text !== null && save(`${name}.svg`, "image/svg+xml", text);
  const png = (name: string, text: string | null) => text !== null && void savePng(`${name}.png`, text);
  const hits = () => shownHits(state);
  const edges = () => {
    const drawn = drawnPicture(state);
    return drawn === null ? null : edgesTable(drawn.picture.edges, drawn.leftLabels, drawn.rightLabels);
  };
  const csv = (name: string, table: ReturnType<typeof hitsTable> | null) =>
    table !== null && save(`${name}.csv`, "text/csv", toCsv(table.header, table.rows));
  return [
    { text: "Save attention as SVG", disabled: !picture, run: () => svg("attention", attentionPicture(state)) },
    { text: "Save attention as PNG", disabled: !picture, run: () => png("attention", attentionPicture(state)) },
    { text: "Save curves as CSV", disabled: !picture, run: () => csv("curves", edges()) },
    { text: "Save curves as JSON", disabled: !picture, run: () => save("curves.json", "application/json", json(edges())) },
    { text: "Save all heads as SVG", disabled: !overview, run: () => svg("heads", overviewPicture(state)) },
    { text: "Save all heads as PNG", disabled: !overview, run: () => png("heads", overviewPicture(state)) },
    { text: "Save tokens as CSV", disabled: !picture, run: () => csv("tokens", tokensTable(tokens())) },
    { text: "Save tokens as JSON", disabled: !picture, run: () => save("tokens.json", "application/json", json(tokens())) },
    { text: "Save contexts as CSV", separated: true, disabled: result === null, run: () => csv("contexts", hitsTable(hits())) },
    { text: "Save contexts as JSON", disabled: result === null, run: () => save("contexts.json", "application/json", json(hits())) },
    { text: "Save summary as SVG", separated: true, disabled: summary === null, run: () => svg("summary", summaryPicture(state, query)) },
    { text: "Save summary as PNG", disabled: summary === null, run: () => png("summary", summaryPicture(state, query)) },
    { text: "Save summary as CSV", disabled: summary === null, run: () => summary !== null && csv("summary", summaryTable(summary)) },
    { text: "Save summary as JSON", disabled: summary === null, run: () => save("summary.json", "application/json", json(summary)) },
    { text: "Copy link to this view", separated: true, run: () => void controller.copy(controller.link(), "Link") },
    { text: "Copy this view as JSON", run: () => void controller.copy(json(controller.portable()), "View") },
    { text: "Restore a view …", run: restore },
    { text: "Reset all choices", run: () => controller.reset() },
  ];
}
