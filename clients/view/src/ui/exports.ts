/** Saves what panes export: pictures as SVG and PNG, tables as CSV, anything as JSON. null saves nothing. */
import type { Controller } from "../control/controller";
import { type Table, toCsv } from "../logic/csv";
import { svgToPng } from "./png";

/** `name` is the file's name without its ending. */
export interface Exporter {
  svg(name: string, svg: string | null): void;
  png(name: string, svg: string | null): void;
  csv(name: string, table: Table | null): void;
  json(name: string, value: unknown): void;
}

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function exporter(controller: Controller): Exporter {
  const save = (name: string, mime: string, data: string | Uint8Array) => void controller.save(name, mime, data);
  const savePng = async (name: string, svg: string) => {
    const png = await svgToPng(svg);
    if (png === null) controller.store.set({ notice: "This page cannot draw the PNG. Save the SVG instead." });
    else save(`${name}.png`, "image/png", png);
  };
  return {
    svg: (name, svg) => svg !== null && save(`${name}.svg`, "image/svg+xml", svg),
    png: (name, svg) => svg !== null && void savePng(name, svg),
    csv: (name, table) => table !== null && save(`${name}.csv`, "text/csv", toCsv(table)),
    json: (name, value) => save(`${name}.json`, "application/json", toJson(value)),
  };
}
