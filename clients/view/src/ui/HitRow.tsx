/** One context: score, coloured annotations, the sentence with the match boxed, the source. */
import { memo } from "./memo";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { heat, inkOf } from "../draw/ink";
import * as format from "../logic/format";
import { kwic, type Piece, sentencePieces, shading } from "../logic/kwic";
import { type Annotation, annotationOf, NONE } from "../logic/labels";
import { inkOn, labelColor } from "../logic/palette";
import type { RowHeights } from "../logic/virtual";
import type { Hit } from "../protocol";
import { lineOf } from "./hits";
import { useApp } from "./context";

export interface Cursor {
  readonly hit: number;
  readonly token: number;
}

interface Props {
  readonly hit: Hit;
  readonly row: number;
  readonly top: number;
  readonly wrapped: boolean;
  /** A new object when heights must be learnt anew. */
  readonly heights: RowHeights;
  readonly tabbable: boolean;
  readonly cursor: number | null;
  readonly onFocus: () => void;
  readonly onOpen: () => void;
  readonly onMeasure: (pixels: number) => void;
}

/** Pieces on the left that could be in sight; the rest would only be clipped. */
const LEFT_PIECES = 48;

function Pieces(props: { readonly pieces: readonly Piece[]; readonly hit: Hit; readonly cursor: number | null }) {
  const { hit } = props;
  const { direction, theme } = useApp((s) => ({ direction: s.view.direction, theme: s.theme }));
  const ink = inkOf(theme);
  const amounts = useMemo(() => shading(hit, direction), [hit, direction]);
  return (
    <>
      {props.pieces.map((piece, i) => {
        if (piece.token === null) return piece.text;
        const amount = amounts[piece.token];
        const classes = `piece${piece.token === hit.match ? " match" : ""}${piece.token === hit.next ? " next" : ""}${piece.token === props.cursor ? " cursor" : ""}${amount > 0.5 ? " strong" : ""}`;
        return (
          <span key={i} class={classes} data-token={piece.token} style={{ backgroundColor: amount > 0.03 ? heat(ink, 0.5 * amount) : "" }}>
            {piece.text}
          </span>
        );
      })}
    </>
  );
}

/** Labels of the tokens around the match, in their colours. */
function Annotations(props: { readonly hit: Hit }) {
  const { attribute, left, right } = useApp((s) => ({ attribute: s.view.columns, left: s.view.columnsLeft, right: s.view.columnsRight }));
  const { hit } = props;
  const offsets = Array.from({ length: left + 1 + right }, (_, i) => i - left);
  return (
    <>
      {offsets.map((offset) => (
        <Swatch key={offset} hit={hit} offset={offset} attribute={attribute} />
      ))}
    </>
  );
}

function Swatch(props: { readonly hit: Hit; readonly offset: number; readonly attribute: Annotation }) {
  const { hit, offset, attribute } = props;
  const token = hit.tokens[hit.match + offset];
  const here = offset === 0 ? " here" : "";
  if (token === undefined || token.isSpecial) return <span class={`swatch empty-swatch${here}`} title={`${format.signed(offset)}: outside of the sentence`} />;
  const label = annotationOf(token, attribute);
  const color = labelColor(label, attribute);
  return (
    <span
      class={`swatch${here}${color === null ? " none" : ""}`}
      title={`${format.signed(offset)}: “${token.text}” ${label}`}
      style={color === null ? {} : { backgroundColor: color, color: inkOn(color) }}
    >
      {label === NONE ? "–" : label}
    </span>
  );
}

function Score(props: { readonly score: number }) {
  return (
    <div role="gridcell" class="score">
      <span class="score-bar" aria-hidden="true" style={{ width: `${Math.max(0, 100 * props.score)}%` }} />
      <span>{props.score.toFixed(3)}</span>
    </div>
  );
}

function Source(props: { readonly hit: Hit }) {
  const { hit } = props;
  const [, folder, file] = /^(.*\/)?(.*)$/.exec(format.shortUri(hit.document)) ?? ["", "", hit.document];
  return (
    <div role="gridcell" class="source">
      {hit.stale && <span class="stale" title="The file has changed since it was indexed: the line may be elsewhere now">changed</span>}
      <span class="source-link" title={`${hit.document}, line ${lineOf(hit)}`}>
        <span class="source-folder">{folder}</span>
        <span class="source-file">{file}:{lineOf(hit)}</span>
      </span>
    </div>
  );
}

function Row(props: Props) {
  const { hit, wrapped } = props;
  const element = useRef<HTMLDivElement>(null);
  const parts = useMemo(() => kwic(hit), [hit]);
  const whole = useMemo(() => sentencePieces(hit), [hit]);
  useLayoutEffect(() => {
    if (wrapped && element.current !== null) props.onMeasure(element.current.offsetHeight);
  });
  const open = () => {
    if (document.getSelection()?.isCollapsed !== false) props.onOpen();
  };
  const pieces = (list: readonly Piece[]) => <Pieces pieces={list} hit={hit} cursor={props.cursor} />;
  return (
    <div
      ref={element}
      role="row"
      class="hit"
      data-hit={props.row}
      aria-rowindex={props.row + 1}
      tabIndex={props.tabbable ? 0 : -1}
      style={{ top: `${props.top}px` }}
      onFocus={props.onFocus}
      onClick={open}
    >
      <Score score={hit.score} />
      {!wrapped && <div role="gridcell" class="swatches"><Annotations hit={hit} /></div>}
      {!wrapped && <div role="gridcell" class="kwic-left"><span class="line">{pieces(parts.left.slice(-LEFT_PIECES))}</span></div>}
      {!wrapped && <div role="gridcell" class="kwic-right">{pieces(parts.match)}{pieces(parts.right)}</div>}
      {wrapped && <div role="gridcell" class="sentence">{pieces(whole)}</div>}
      {wrapped && <div role="gridcell" class="swatches"><Annotations hit={hit} /></div>}
      <Source hit={hit} />
    </div>
  );
}

/** Draws again only when its place, cursor or hit changes; the callbacks always mean the same row. */
export const HitRow = memo(Row, (a, b) =>
  a.hit === b.hit && a.row === b.row && a.top === b.top && a.wrapped === b.wrapped && a.heights === b.heights && a.tabbable === b.tabbable && a.cursor === b.cursor,
);
