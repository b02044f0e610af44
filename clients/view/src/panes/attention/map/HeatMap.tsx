/** All attention of a long text at once: a heat map with zoom, crosshair and the weight under it. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { inkOf } from "../../../draw/ink";
import * as format from "../../../logic/format";
import { groupLabel, groupOf } from "../../../logic/units";
import type { Token } from "../../../protocol";
import { sizeCanvas, useApp, useController, useFrame, useSize } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import type { Picture } from "../logic/picture";
import { drawMap } from "./drawMap";
import { levelsOf } from "./levels";
import { GUTTER, NameSheet, type Names } from "./nameSheet";
import { type Cell, cellAt, moved, revealing, type Viewport, whole, zoomed } from "./viewport";

const MOST_SIDE = 640;
const EDGE = 8;
const STEP = 1.5;

interface Props {
  readonly picture: Picture;
  readonly left: readonly Token[];
  readonly right: readonly Token[];
  /** Rows that the curves show; null where they are not drawn. */
  readonly band: { readonly first: number; readonly last: number } | null;
}

/** The square's side, and whether there is room for words beside it. */
function sideOf(width: number, alone: boolean): number {
  const most = width - GUTTER - EDGE;
  if (alone) return Math.max(80, Math.min(MOST_SIDE, most));
  return Math.max(80, Math.min(width >= 480 ? Math.min(440, 0.56 * width) : most, most));
}

/** The part in sight and the crosshair of one matrix; another matrix of the same size keeps both. */
function useLook(rows: number, columns: number) {
  const extent = useMemo(() => ({ rows, columns }), [rows, columns]);
  const [state, setState] = useState<{ extent: object; view: Viewport; cross: Cell | null }>({
    extent,
    view: whole(extent),
    cross: null,
  });
  const { view, cross } = state.extent === extent ? state : { view: whole(extent), cross: null };
  const look = (change: { view?: Viewport; cross?: Cell | null }) => setState({ extent, view, cross, ...change });
  return { extent, view, cross, look };
}

type Look = ReturnType<typeof useLook>;

/** Moves, zooms or points as the key says; null for another key. */
function afterKey(key: string, { extent, view, cross }: Look): { view?: Viewport; cross?: Cell | null } | null {
  if (key === "+" || key === "=") return { view: zoomed(view, extent, STEP, ...shareOf(view, cross)) };
  if (key === "-") return { view: zoomed(view, extent, 1 / STEP, ...shareOf(view, cross)) };
  if (key === "0") return { view: whole(extent) };
  if (key === "Escape") return { cross: null };
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    PageUp: [-10, 0],
    PageDown: [10, 0],
  };
  const step = steps[key];
  if (step === undefined) return null;
  const from = cross ?? { row: Math.floor(view.y), column: Math.floor(view.x) };
  const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
  const next =
    cross === null
      ? from
      : { row: clamp(from.row + step[0], extent.rows), column: clamp(from.column + step[1], extent.columns) };
  return { cross: next, view: revealing(view, extent, next) };
}

function shareOf(view: Viewport, cross: Cell | null): [number, number] {
  if (cross === null) return [0.5, 0.5];
  return [(cross.column + 0.5 - view.x) / view.width, (cross.row + 0.5 - view.y) / view.height];
}

function usePointer(look: Look, side: number, choose: (cell: Cell) => void) {
  const grip = useRef<{ x: number; y: number; view: Viewport; moved: boolean } | null>(null);
  const { extent, view } = look;
  const at = (event: MouseEvent & { currentTarget: HTMLElement }): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    return [(event.clientX - box.left - GUTTER) / side, (event.clientY - box.top - GUTTER) / side];
  };
  return {
    onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      grip.current = { x: event.clientX, y: event.clientY, view, moved: false };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      const held = grip.current;
      if (held !== null) {
        const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
        held.moved ||= Math.hypot(dx, dy) > 4;
        if (held.moved) look.look({ view: moved(held.view, extent, -dx / side, -dy / side), cross: null });
        return;
      }
      look.look({ cross: cellAt(view, extent, ...at(event)) });
    },
    onPointerUp: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      const cell = grip.current?.moved === false ? cellAt(view, extent, ...at(event)) : null;
      grip.current = null;
      if (cell !== null) choose(cell);
    },
    onPointerCancel: () => {
      grip.current = null;
    },
    onPointerLeave: () => {
      if (grip.current === null) look.look({ cross: null });
    },
    // without the key the wheel scrolls the page, as everywhere
    onWheel: (event: WheelEvent & { currentTarget: HTMLElement }) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      look.look({ view: zoomed(view, extent, event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at(event)) });
    },
  };
}

export function HeatMap(props: Props) {
  const controller = useController();
  const { picture, left, right, band } = props;
  const { theme, pinned } = useApp((s) => ({ theme: s.theme, pinned: s.view.pinned }));
  const { nQueries, nKeys } = picture.layer;
  const { ref, width } = useSize<HTMLDivElement>();
  const side = sideOf(width, band === null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const ink = inkOf(theme);
  const levels = useMemo(() => levelsOf(picture.matrix, nQueries, nKeys), [picture.matrix]);
  const images = useMemo(() => levels.map(() => undefined), [levels, ink]);
  const look = useLook(nQueries, nKeys);
  const { leftGroups, rightGroups } = picture;
  const names = useMemo<Names>(
    () => ({
      row: (row) => groupLabel(left, leftGroups[row]),
      column: (column) => groupLabel(right, rightGroups[column]),
    }),
    [left, right, leftGroups, rightGroups],
  );
  const sheet = useMemo(() => new NameSheet(), []);
  const pinnedAt = (where: "left" | "right") =>
    pinned?.side === where ? groupOf(where === "left" ? leftGroups : rightGroups, pinned.token) : null;
  const schedule = useFrame(() => {
    if (canvas.current === null || width === 0) return;
    const context = sizeCanvas(canvas.current, side + GUTTER + EDGE, side + GUTTER + 2);
    if (context === null) return;
    const started = performance.now();
    drawMap(context, {
      levels,
      images,
      matrix: picture.matrix,
      side,
      ink,
      names,
      sheet,
      band,
      view: look.view,
      cross: look.cross,
      pinned: { row: pinnedAt("left"), column: pinnedAt("right") },
    });
    performance.measure("exbert:map", { start: started });
  });
  useLayoutEffect(schedule);
  const choose = ({ row }: Cell) => controller.pin({ side: "left", token: leftGroups[row].tokens[0] });
  const pointer = usePointer(look, side, choose);
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const change = afterKey(event.key, look);
    if (event.key === "Enter" && look.cross !== null) choose(look.cross);
    else if (change !== null) look.look(change);
    else return;
    event.preventDefault();
  };
  const zoom = (factor: number) => look.look({ view: zoomed(look.view, look.extent, factor) });
  return (
    <div class="heat-map" ref={ref}>
      <div
        class="map-canvas"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
        tabIndex={0}
        role="application"
        aria-label="Heat map of attention: rows attend to columns. Arrow keys move the crosshair, plus and minus zoom, 0 shows all, Enter pins the row."
        onKeyDown={keys}
        {...pointer}
      >
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <div class="map-side">
        <div class="actions">
          <Button
            label="zoom in"
            title="Show fewer cells, larger (+, or Ctrl and the wheel)"
            onClick={() => zoom(STEP)}
          >
            +
          </Button>
          <Button label="zoom out" title="Show more cells, smaller (−)" onClick={() => zoom(1 / STEP)}>
            −
          </Button>
          <Button title="Show the whole text (0)" onClick={() => look.look({ view: whole(look.extent) })}>
            all
          </Button>
        </div>
        <Readout cross={look.cross} {...{ picture, names }} />
        <p class="muted">
          Rows attend to columns; the stronger the color, the more. Click to pin a row, drag to move, Ctrl + wheel to
          zoom.
          {band !== null && " The curves below show the shaded rows."}
        </p>
      </div>
    </div>
  );
}

/** The cell under the crosshair in words. */
function Readout(props: { readonly cross: Cell | null; readonly picture: Picture; readonly names: Names }) {
  const { cross, picture } = props;
  if (cross === null)
    return (
      <p class="map-cell" role="status">
        largest weight <b>{format.weight(Math.max(picture.edges.maxWeight, 0))}</b>
      </p>
    );
  const weight = picture.matrix[cross.row * picture.layer.nKeys + cross.column];
  return (
    <p class="map-cell" role="status">
      <span class="map-token">{props.names.row(cross.row)}</span> <span class="muted">{cross.row}</span> →{" "}
      <span class="map-token">{props.names.column(cross.column)}</span> <span class="muted">{cross.column}</span>{" "}
      <b>{format.weight(weight)}</b>
    </p>
  );
}
