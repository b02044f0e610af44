/** Where a document is put, so that it stands beside the panel and never over it. */

export interface Placement {
  readonly ref: string;
  readonly mode: "tab-after" | "split-left";
}

/**
 * A place for a document: `areas` are the ids of the widgets of each tab area of the main area. The area of `preferred`
 * (the document that a person works in) if the panel is not in it, else another one, else a new one left of the panel.
 */
export function placeBeside(
  areas: readonly (readonly string[])[],
  panel: string,
  preferred: string | null,
): Placement | null {
  if (!areas.some((area) => area.includes(panel))) {
    return preferred === null ? null : { ref: preferred, mode: "tab-after" };
  }
  const others = areas.filter((area) => !area.includes(panel));
  if (preferred !== null && others.some((area) => area.includes(preferred))) {
    return { ref: preferred, mode: "tab-after" };
  }
  const last = others[0]?.[others[0].length - 1];
  return last === undefined ? { ref: panel, mode: "split-left" } : { ref: last, mode: "tab-after" };
}

/** Whether the panel and the widget are tabs of one area. */
export function share(areas: readonly (readonly string[])[], panel: string, widget: string): boolean {
  return areas.some((area) => area.includes(panel) && area.includes(widget));
}
