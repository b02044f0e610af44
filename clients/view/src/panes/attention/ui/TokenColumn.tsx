/** One side's tokens as buttons: hover or focus looks, click or Enter pins, double click or m masks. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { heat, inkOf } from "../../../draw/ink";
import { type Group, groupLabel, groupOf } from "../../../logic/units";
import type { Token } from "../../../protocol";
import type { Pin, Side } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { memo } from "../../../ui/memo";
import { stepOf, stepTo } from "../../../ui/roving";
import type { AttentionLayout } from "../draw/layout";
import type { Picture } from "../logic/picture";
import { isUnknown } from "../logic/unknown";
import { continues, describe, temporal, turnAt } from "./tokenView";

interface Props {
  readonly side: Side;
  readonly tokens: readonly Token[];
  readonly groups: readonly Group[];
  readonly mask: Uint8Array;
  readonly layout: AttentionLayout;
  readonly picture: Picture;
  readonly view: {
    readonly first: number;
    readonly last: number;
    readonly ref: { readonly current: HTMLElement | null };
  };
}

/** Weight between the focused row of the other side and this row, relative to the strongest; 0 without focus. */
function shade(props: Props, row: number): number {
  const { picture, side } = props;
  const { focus } = picture;
  if (focus === null || focus.side === side || picture.edges.maxWeight === 0) return 0;
  const { nKeys } = picture.layer;
  const value = side === "right" ? picture.matrix[focus.row * nKeys + row] : picture.matrix[row * nKeys + focus.row];
  return value / picture.edges.maxWeight;
}

function useKeys(props: Props, current: { readonly current: number }, setActive: (row: number) => void) {
  const controller = useController();
  const { side, groups, view } = props;
  return (event: KeyboardEvent) => {
    const active = Math.min(current.current, groups.length - 1);
    const { tokens } = groups[active];
    const other = side === "left" ? "ArrowRight" : "ArrowLeft";
    if (event.key === other) {
      const columns = (event.currentTarget as HTMLElement).parentElement?.querySelectorAll<HTMLElement>(".tokens");
      columns?.[side === "left" ? 1 : 0]?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
    } else if (event.key.toLowerCase() === "m" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      controller.toggleMask(tokens);
    } else if (event.key === "Escape") {
      controller.unpin();
    } else {
      const step = event.key === "ArrowLeft" || event.key === "ArrowRight" ? null : stepOf(event.key);
      if (step === null) return;
      const next = stepTo(step, active, groups.length);
      setActive(next);
      reveal(view.ref.current, next * props.layout.rowHeight, props.layout.rowHeight);
    }
    event.preventDefault();
  };
}

function reveal(scroller: HTMLElement | null, y: number, height: number): void {
  if (scroller === null) return;
  if (y < scroller.scrollTop) scroller.scrollTop = y;
  else if (y + height > scroller.scrollTop + scroller.clientHeight)
    scroller.scrollTop = y + height - scroller.clientHeight;
}

function Column(props: Props) {
  const { side, tokens, groups, layout, view } = props;
  const { pinned, kind, stack, messages } = useApp((s) => ({
    messages: s.capture?.messages ?? null,
    pinned: s.view.pinned,
    kind: s.capture?.model.kind ?? null,
    stack: s.view.stack,
  }));
  const [active, setActive] = useState(0);
  const column = useRef<HTMLDivElement>(null);
  // keys may come faster than drawing: the row that they count from is known at once
  const latest = useRef(0);
  const moved = useRef(false);
  const move = (row: number) => {
    moved.current = true;
    latest.current = row;
    setActive(row);
  };
  const at = Math.min(active, groups.length - 1);
  const keys = useKeys(props, latest, move);
  useLayoutEffect(() => {
    if (!moved.current) return;
    column.current?.querySelector<HTMLElement>(`[data-row="${at}"]`)?.focus();
    moved.current = false;
  });
  const focused = (row: number) => {
    if (moved.current) return;
    latest.current = row;
    setActive(row);
  };
  const rows = new Set([at]);
  for (let row = Math.max(0, view.first - 2); row < Math.min(groups.length, view.last + 2); row++) rows.add(row);
  const pinnedRow = pinned !== null && pinned.side === side ? groupOf(groups, pinned.token) : -1;
  const causal = kind === "autoregressive" || (kind === "encoderDecoder" && stack === "decoder");
  const x = side === "left" ? layout.leftTokens : layout.rightTokens;
  return (
    <div
      ref={column}
      class={`tokens ${side}`}
      role="group"
      aria-label={side === "left" ? "Queries: tokens that attend" : "Keys: tokens that get attention"}
      onKeyDown={keys}
      style={{ left: `${x}px`, width: `${layout.tokenWidth}px` }}
    >
      {[...rows]
        .sort((a, b) => a - b)
        .map((row) => (
          <TokenButton
            key={row}
            {...props}
            row={row}
            tabbable={row === at}
            pinned={row === pinnedRow}
            joined={groups[row].tokens.length === 1 && continues(tokens, groups[row].tokens[0])}
            turn={turnAt(tokens, groups[row].tokens[0], messages)}
            time={temporal(row, props.picture.focus?.row ?? null, causal)}
            onFocus={() => focused(row)}
          />
        ))}
    </div>
  );
}

/** With no inspected token, a hundred buttons need not be compared when a head is toggled: they show no weights. */
export const TokenColumn = memo(
  Column,
  (a, b) =>
    (a.picture === b.picture || (a.picture.focus === null && b.picture.focus === null)) &&
    a.side === b.side &&
    a.tokens === b.tokens &&
    a.groups === b.groups &&
    a.mask === b.mask &&
    a.layout === b.layout &&
    a.view.first === b.view.first &&
    a.view.last === b.view.last,
);

interface ButtonProps extends Props {
  readonly row: number;
  readonly tabbable: boolean;
  readonly pinned: boolean;
  readonly joined: boolean;
  /** Who speaks from here on; null where nobody begins. */
  readonly turn: string | null;
  readonly time: "" | "later" | "next";
  readonly onFocus: () => void;
}

/** A double click masks; the pin that its first click moved goes back to where it was. */
function useClicks(props: ButtonProps) {
  const controller = useController();
  const before = useRef<Pin | null>(null);
  const group = props.groups[props.row];
  const click = (event: MouseEvent) => {
    if (event.detail > 1) return;
    before.current = controller.store.get().view.pinned;
    controller.pin({ side: props.side, token: group.tokens[0] });
  };
  const doubleClick = () => {
    controller.update({ pinned: before.current });
    controller.toggleMask(group.tokens);
  };
  return { click, doubleClick };
}

function TokenButton(props: ButtonProps) {
  const controller = useController();
  const theme = useApp((s) => s.theme);
  const { row, groups, tokens, side, layout } = props;
  const { focus } = props.picture;
  const first = tokens[groups[row].tokens[0]];
  const { click, doubleClick } = useClicks(props);
  const amount = shade(props, row);
  const classes = [
    "token",
    props.pinned && "pinned",
    focus?.side === side && focus.row === row && "inspected",
    first.isSpecial && "special",
    first.isMasked && "masked",
    groups[row].tokens.some((i) => isUnknown(tokens[i])) && "unknown",
    props.mask[row] === 0 && "off",
    props.joined && "joined",
    first.generated === true && "generated",
    props.turn !== null && "turn",
    props.time,
  ];
  const look = () => controller.hover({ side, token: groups[row].tokens[0] });
  const leave = () => controller.hover(null);
  return (
    <button
      type="button"
      data-row={row}
      data-turn={props.turn ?? undefined}
      class={classes.filter(Boolean).join(" ")}
      tabIndex={props.tabbable ? 0 : -1}
      aria-pressed={props.pinned}
      aria-label={`${props.turn === null ? "" : `${props.turn}: `}${describe(tokens, groups[row])}${props.time === "" ? "" : props.time === "next" ? ", next token" : ", later, not seen"}`}
      style={{
        top: `${row * layout.rowHeight}px`,
        backgroundColor: amount > 0.02 ? heat(inkOf(theme), 0.55 * amount) : "",
      }}
      onMouseEnter={look}
      onMouseLeave={leave}
      onFocus={() => {
        props.onFocus();
        look();
      }}
      onBlur={leave}
      onClick={click}
      onDblClick={doubleClick}
    >
      {groupLabel(tokens, groups[row])}
    </button>
  );
}
