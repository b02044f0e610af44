/** The drawing: a canvas the size of the window, and token buttons for the rows in sight. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { inkOf } from "../../../draw/ink";
import * as format from "../../../logic/format";
import { modeOf } from "../../../logic/palette";
import { groupLabel, groupOf } from "../../../logic/units";
import type { Token } from "../../../protocol";
import { sizeCanvas, useApp, useController, useFrame, useSize } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { drawAttention } from "../draw/attentionCanvas";
import { countHidden, leastAlphaOf, MOST_CURVES } from "../draw/curves";
import { type AttentionLayout, headAt, layoutAttention, ROW_HEIGHT } from "../draw/layout";
import { HowToRead } from "../first/HowToRead";
import { type Emptiness, emptinessOf } from "../logic/emptiness";
import type { Picture } from "../logic/picture";
import { HeatMap } from "../map/HeatMap";
import { isLong } from "../map/long";
import { MatrixHeader } from "./MatrixHeader";
import { TokenColumn } from "./TokenColumn";

interface Props {
  readonly picture: Picture;
  readonly left: readonly Token[];
  readonly right: readonly Token[];
}

/** Characters of the longest label, up to a sensible most. */
function useLongestLabel(tokens: readonly Token[], groups: Picture["leftGroups"]): number {
  return useMemo(
    () =>
      Math.min(
        22,
        groups.reduce((most, group) => Math.max(most, groupLabel(tokens, group).length), 0),
      ),
    [tokens, groups],
  );
}

function useWindow(total: number) {
  const { ref, width, height } = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const seen = Math.min(height, total);
  const scrollTop = Math.max(0, Math.min(top, total - seen));
  const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT));
  const last = Math.ceil((scrollTop + seen) / ROW_HEIGHT);
  return { ref, width, height: seen, scrollTop, first, last, setTop };
}

function Canvas(props: Props & { readonly layout: AttentionLayout; readonly view: ReturnType<typeof useWindow> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { theme, preview } = useApp((s) => ({ theme: s.theme, preview: s.previewHead }));
  const { picture, layout, view } = props;
  const schedule = useFrame(() => {
    if (canvas.current === null) return;
    const context = sizeCanvas(canvas.current, layout.width, view.height);
    if (context === null) return;
    const started = performance.now();
    drawAttention(context, {
      picture,
      layout,
      window: { first: view.first, last: view.last },
      scrollTop: view.scrollTop,
      height: view.height,
      ink: inkOf(theme),
      mode: modeOf(theme),
      leastAlpha: leastAlphaOf(theme),
      leastInk: leastAlphaOf(theme) > 0 ? 0.18 : 0.04,
      preview: preview === null ? null : picture.layer.heads.indexOf(preview),
    });
    performance.measure("exbert:draw", { start: started });
  });
  useLayoutEffect(schedule);
  return <canvas ref={canvas} class="attention-canvas" aria-hidden="true" />;
}

export function AttentionPicture(props: Props) {
  const place = useApp((s) => s.view.heatMap);
  const long = isLong({ nQueries: props.left.length, nKeys: props.right.length });
  if (!long || place !== "only") return <CurvesPicture {...props} withMap={long && place === "both"} />;
  return (
    <div class="attention-picture">
      <HeatMap {...props} band={null} />
      <Legend picture={props.picture} hidden={0} />
    </div>
  );
}

function CurvesPicture(props: Props & { readonly withMap: boolean }) {
  const controller = useController();
  const { picture, left, right } = props;
  const rows = Math.max(picture.layer.nQueries, picture.layer.nKeys);
  const total = rows * ROW_HEIGHT;
  const view = useWindow(total);
  const causal = useApp((s) => s.capture?.model.kind === "autoregressive");
  // room for the mark of the next token
  const label =
    Math.max(useLongestLabel(left, picture.leftGroups), useLongestLabel(right, picture.rightGroups)) + (causal ? 5 : 0);
  const nHeads = picture.layer.heads.length;
  const layout = useMemo(() => layoutAttention(view.width, nHeads, label), [view.width, nHeads, label]);
  const pinned = useApp((s) => s.view.pinned);

  useEffect(() => {
    if (pinned === null || view.ref.current === null) return;
    const groups = pinned.side === "left" ? picture.leftGroups : picture.rightGroups;
    const y = Math.max(0, groupOf(groups, pinned.token)) * ROW_HEIGHT;
    const { scrollTop, clientHeight } = view.ref.current;
    if (y >= scrollTop && y + ROW_HEIGHT <= scrollTop + clientHeight) return;
    view.ref.current.scrollTop = y - clientHeight / 2;
  }, [pinned]);

  const overHead = (event: MouseEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const found = headAt(layout, event.clientX - box.left);
    return found === null ? null : picture.layer.heads[found.head];
  };
  const [cell, setCell] = useState<CellAt | null>(null);
  const overCell = (event: MouseEvent & { currentTarget: HTMLElement }): CellAt | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const found = headAt(layout, event.clientX - box.left);
    const row = Math.floor((event.clientY - box.top) / ROW_HEIGHT);
    return found === null ? null : { ...found, row, x: event.clientX - box.left, y: row * ROW_HEIGHT };
  };
  return (
    <div class="attention-picture">
      {props.withMap && <HeatMap {...props} band={{ first: view.first, last: view.last }} />}
      <MatrixHeader layout={layout} picture={picture} />
      <div
        class="attention-scroll"
        ref={view.ref}
        onScroll={(event) => view.setTop(event.currentTarget.scrollTop)}
        tabIndex={-1}
      >
        <div
          class="attention-rows"
          style={{ height: `${total}px` }}
          onMouseMove={(event) => {
            const head = overHead(event);
            if (head !== controller.store.get().previewHead) controller.preview(head);
            setCell(overCell(event));
          }}
          onMouseLeave={() => {
            controller.preview(null);
            setCell(null);
          }}
          onClick={(event) => {
            const head = overHead(event);
            if (head !== null && !(event.target as Element).closest(".token")) controller.toggleHead(head);
          }}
        >
          {view.width > 0 && <Canvas {...props} layout={layout} view={view} />}
          <TokenColumn
            side="left"
            tokens={left}
            groups={picture.leftGroups}
            mask={picture.masks.rows}
            {...{ layout, view, picture }}
          />
          <TokenColumn
            side="right"
            tokens={right}
            groups={picture.rightGroups}
            mask={picture.masks.columns}
            {...{ layout, view, picture }}
          />
          {cell !== null && <CellTip cell={cell} picture={picture} left={left} right={right} width={layout.width} />}
        </div>
      </div>
      <Legend picture={picture} hidden={countHidden(picture.edges, view)} />
      <HowToRead picture={picture} />
    </div>
  );
}

interface CellAt {
  readonly side: "left" | "right";
  /** Position on the head axis. */
  readonly head: number;
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

/** The number behind a cell of the matrices. */
function CellTip(props: Props & { readonly cell: CellAt; readonly width: number }) {
  const { cell, picture, left, right } = props;
  const { side, head, row } = cell;
  const groups = side === "left" ? picture.leftGroups : picture.rightGroups;
  const matrix = side === "left" ? picture.leftMatrix : picture.rightMatrix;
  const { heads } = picture.layer;
  if (row < 0 || row >= groups.length) return null;
  const name = groupLabel(side === "left" ? left : right, groups[row]);
  const { focus } = picture;
  const only = focus !== null && focus.side !== side;
  const other = only
    ? groupLabel(
        side === "left" ? right : left,
        (side === "left" ? picture.rightGroups : picture.leftGroups)[focus.row],
      )
    : "";
  const value = format.weight(matrix[row * heads.length + head]);
  const does =
    side === "left"
      ? only
        ? `gives “${other}”`
        : "gives, mean over keys,"
      : only
        ? `gets from “${other}”`
        : "gets, mean over queries,";
  return (
    <div
      class="tip cell-tip"
      style={{
        left: `${Math.max(0, Math.min(cell.x + 10, props.width - 220))}px`,
        top: `${cell.y + ROW_HEIGHT + 2}px`,
      }}
    >
      head {heads[head]}: “{name}” {does} <b>{value}</b>
    </div>
  );
}

/** Why nothing is drawn, and a way back. */
function Nothing(props: { readonly emptiness: Emptiness }) {
  const controller = useController();
  const { cause, reset, change } = props.emptiness;
  return (
    <div class="actions picture-empty" role="status">
      <span>{cause}</span>
      {reset !== "" && <Button onClick={() => controller.update(change)}>{reset}</Button>}
    </div>
  );
}

function Legend(props: { readonly picture: Picture; readonly hidden: number }) {
  const { picture, hidden } = props;
  const view = useApp((s) => s.view);
  const nHeads = useApp((s) => s.capture?.model.nHeads ?? 0);
  const heads = picture.layer.heads.length;
  const { combine } = view;
  const emptiness = emptinessOf(picture, view);
  if (emptiness !== null) return <Nothing emptiness={emptiness} />;
  const most = picture.edges.maxWeight;
  return (
    <p class="legend">
      {`thickest curve ${most.toFixed(2)}${picture.chosen.length > 1 ? ` (${combine} of ${picture.chosen.length} heads), colored by the strongest head` : ""}`}
      {` · bar left of a token: its share on ${picture.aside.name === "first token" ? "the first token" : picture.aside.name}`}
      {heads < nHeads &&
        ` · of ${nHeads} heads ${heads} are loaded, the chosen ones first: all of them would be too large in so long a text`}
      {hidden > 0 &&
        ` · the strongest ${MOST_CURVES.toLocaleString("en")} curves in view are drawn, ${hidden.toLocaleString("en")} weaker ones are hidden`}
    </p>
  );
}
