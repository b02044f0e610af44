/** Which part of the matrix is in sight, in cells; and from pixels to cells. */

export interface Extent {
  readonly rows: number;
  readonly columns: number;
}

export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Zooming in ends with this many cells across. */
const FEWEST = 8;

export function whole({ rows, columns }: Extent): Viewport {
  return { x: 0, y: 0, width: columns, height: rows };
}

function within({ x, y, width, height }: Viewport, { rows, columns }: Extent): Viewport {
  return {
    width,
    height,
    x: Math.max(0, Math.min(columns - width, x)),
    y: Math.max(0, Math.min(rows - height, y)),
  };
}

/** `factor` above 1 shows fewer cells; the place `(u, v)`, 0..1 of what is in sight, stays where it is. */
export function zoomed(view: Viewport, extent: Extent, factor: number, u = 0.5, v = 0.5): Viewport {
  const size = (now: number, most: number) => Math.min(most, Math.max(Math.min(FEWEST, most), now / factor));
  const width = size(view.width, extent.columns);
  const height = size(view.height, extent.rows);
  const x = view.x + u * (view.width - width);
  const y = view.y + v * (view.height - height);
  return within({ x, y, width, height }, extent);
}

/** Moves by a share of what is in sight. */
export function moved(view: Viewport, extent: Extent, byU: number, byV: number): Viewport {
  return within({ ...view, x: view.x + byU * view.width, y: view.y + byV * view.height }, extent);
}

/** Moves as little as possible so that a cell is in sight. */
export function revealing(view: Viewport, extent: Extent, { row, column }: Cell): Viewport {
  const x = Math.max(column + 1 - view.width, Math.min(column, view.x));
  const y = Math.max(row + 1 - view.height, Math.min(row, view.y));
  return within({ ...view, x, y }, extent);
}

/** The cell at `(u, v)` of what is in sight; null outside. */
export function cellAt(view: Viewport, extent: Extent, u: number, v: number): Cell | null {
  if (u < 0 || v < 0 || u >= 1 || v >= 1) return null;
  const row = Math.floor(view.y + v * view.height);
  const column = Math.floor(view.x + u * view.width);
  return row < extent.rows && column < extent.columns ? { row, column } : null;
}
