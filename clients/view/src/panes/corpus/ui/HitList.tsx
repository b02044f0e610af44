/** Rows of the concordance; only those in sight are in the page. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import * as format from "../../../logic/format";
import { modeOf } from "../../../logic/palette";
import { isChanged, locationOf } from "../../../logic/places";
import { RowHeights } from "../../../logic/virtual";
import type { Hit } from "../../../protocol";
import { useApp, useController, useSize } from "../../../ui/context";
import { stepOf, stepTo } from "../../../ui/roving";
import { type Cursor, HitRow, type RowLook } from "./HitRow";
import { TokenTip } from "./TokenTip";

/** Score, words around the match and source; narrower, a line around a match says too little. */
const KWIC_WIDTH = 450;
/** Each column of annotations. */
const SWATCH_WIDTH = 44;
const LINE = 30;
const PARAGRAPH = 84;

function useRows(hits: readonly Hit[], wrapped: boolean, width: number) {
  // other widths wrap differently: heights are measured again
  const bucket = wrapped ? Math.round(width / 40) : 0;
  return useMemo(() => new RowHeights(hits.length, wrapped ? PARAGRAPH : LINE), [hits, wrapped, bucket]);
}

/** The next token with characters in a direction; the same one at the ends. */
function nextToken(hit: Hit, at: number, step: 1 | -1): number {
  for (let i = at + step; i >= 0 && i < hit.tokens.length; i += step) if (!hit.tokens[i].isSpecial) return i;
  return at;
}

/** What stands in the columns; readers hear the rows themselves. */
function ColumnHeads() {
  const { left, right, direction, theme } = useApp((s) => ({
    left: s.view.columnsLeft,
    right: s.view.columnsRight,
    direction: s.view.direction,
    theme: s.theme,
  }));
  const stronger = modeOf(theme) === "dark" ? "brighter" : "darker";
  return (
    <div class="hits-head" aria-hidden="true">
      <span>score</span>
      <span class="offsets">
        {Array.from({ length: left + 1 + right }, (_, i) => (
          <span key={i}>{i === left ? "match" : format.signed(i - left)}</span>
        ))}
      </span>
      <span class="around">
        {stronger}: {direction === "outgoing" ? "more attention from the match" : "more attention to the match"}
      </span>
      <span class="end">source</span>
    </div>
  );
}

export function HitList(props: { readonly hits: readonly Hit[]; readonly outdated?: boolean }) {
  const { hits } = props;
  const controller = useController();
  const rowsChoice = useApp((s) => s.view.rows);
  const look = useApp(
    (s): RowLook => ({
      direction: s.view.direction,
      columns: s.view.columns,
      columnsLeft: s.view.columnsLeft,
      columnsRight: s.view.columnsRight,
      theme: s.theme,
      showNext: s.result?.model.kind === "autoregressive",
    }),
  );
  const changed = useApp((s) => s.changed);
  const { ref, width, height } = useSize<HTMLDivElement>();
  const least = KWIC_WIDTH + SWATCH_WIDTH * (look.columnsLeft + 1 + look.columnsRight);
  const wrapped = rowsChoice === "wrapped" || (rowsChoice === "auto" && width < least);
  const heights = useRows(hits, wrapped, width);
  const [scrollTop, setScrollTop] = useState(0);
  const [, remeasured] = useState(0);
  const [active, setActive] = useState(0);
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const moved = useRef(false);
  // keys may come faster than drawing: the row that they count from is known at once
  const latest = useRef(0);
  const current = Math.min(active, hits.length - 1);

  useEffect(() => {
    if (ref.current !== null) ref.current.scrollTop = 0;
    setScrollTop(0);
    setActive(0);
    latest.current = 0;
    setCursor(null);
  }, [hits]);
  useLayoutEffect(() => {
    if (!moved.current) return;
    ref.current?.querySelector<HTMLElement>(`[data-hit="${current}"]`)?.focus({ preventScroll: true });
    moved.current = false;
  });
  const focused = (row: number) => {
    if (moved.current) return;
    latest.current = row;
    setActive(row);
  };

  const { first, last } = heights.visible(scrollTop, height || 600);
  const shown = new Set<number>([current]);
  for (let row = first; row < last; row++) shown.add(row);

  const open = (hit: Hit) => void controller.host.openLocation(locationOf(hit, controller.store.get().changed));

  const keys = (event: KeyboardEvent) => {
    const at = Math.min(latest.current, hits.length - 1);
    if (event.key === "Enter") open(hits[at]);
    else if (event.key === "Escape") setCursor(null);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const step = event.key === "ArrowLeft" ? -1 : 1;
      const from = cursor?.hit === at ? cursor.token : null;
      setCursor({ hit: at, token: from === null ? hits[at].match : nextToken(hits[at], from, step) });
    } else {
      const step = stepOf(event.key);
      if (step === null) return;
      const next = stepTo(step, at, hits.length);
      moved.current = true;
      latest.current = next;
      setActive(next);
      setCursor(null);
      const scroller = ref.current;
      if (scroller !== null) {
        const top = heights.top(next);
        const bottom = heights.top(next + 1);
        if (top < scroller.scrollTop) scroller.scrollTop = top;
        else if (bottom > scroller.scrollTop + scroller.clientHeight)
          scroller.scrollTop = bottom - scroller.clientHeight;
      }
    }
    event.preventDefault();
  };

  const point = (event: MouseEvent) => {
    const element = (event.target as Element).closest<HTMLElement>("[data-token]");
    const row = element?.closest<HTMLElement>("[data-hit]");
    if (element === null || row === null || row === undefined) setCursor(null);
    else setCursor({ hit: Number(row.dataset.hit), token: Number(element.dataset.token) });
  };

  return (
    <div class={`hits ${wrapped ? "wrapped" : "kwic"}${props.outdated ? " outdated" : ""}`}>
      {!wrapped && <ColumnHeads />}
      <div
        class="hits-scroll"
        ref={ref}
        role="grid"
        aria-label="Contexts, best first. Up and down move, left and right read the tokens, Enter opens the document."
        aria-rowcount={hits.length}
        onScroll={(event) => {
          setScrollTop(event.currentTarget.scrollTop);
          setCursor(null);
        }}
        onKeyDown={keys}
        onMouseOver={point}
        onMouseLeave={() => setCursor(null)}
      >
        <div class="hits-rows" role="rowgroup" style={{ height: `${heights.total}px` }}>
          {[...shown]
            .sort((a, b) => a - b)
            .map((row) => (
              <HitRow
                key={`${hits[row].rank}:${hits[row].document}:${hits[row].sentence.index}:${hits[row].match}`}
                hit={hits[row]}
                changed={isChanged(hits[row], changed)}
                look={look}
                row={row}
                top={heights.top(row)}
                wrapped={wrapped}
                heights={heights}
                tabbable={row === current}
                cursor={cursor?.hit === row ? cursor.token : null}
                onFocus={() => focused(row)}
                onOpen={() => open(hits[row])}
                onMeasure={(pixels) => {
                  if (wrapped && heights.measure(row, pixels)) remeasured((n) => n + 1);
                }}
              />
            ))}
        </div>
      </div>
      {cursor !== null && hits[cursor.hit] !== undefined && (
        <TokenTip hit={hits[cursor.hit]} cursor={cursor} container={ref} />
      )}
    </div>
  );
}
