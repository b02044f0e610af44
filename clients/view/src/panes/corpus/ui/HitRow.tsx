/** One context: score, colored annotations, the sentence with the match boxed, the source. */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { heat, type Ink, inkOf } from "../../../draw/ink";
import type { Theme } from "../../../host";
import * as format from "../../../logic/format";
import { type Annotation, annotationOf, NONE } from "../../../logic/labels";
import { inkOn, labelColor } from "../../../logic/palette";
import type { RowHeights } from "../../../logic/virtual";
import type { Hit } from "../../../protocol";
import { shallowEqual } from "../../../store";
import { memo } from "../../../ui/memo";
import { lineOf } from "../hits";
import { kwic, type Piece, sentencePieces, shading } from "../logic/kwic";

export interface Cursor {
  readonly hit: number;
  readonly token: number;
}

/** The choices that every row obeys. */
export interface RowLook {
  readonly direction: "outgoing" | "incoming";
  readonly columns: Annotation;
  readonly columnsLeft: number;
  readonly columnsRight: number;
  readonly theme: Theme;
  /** Mark the token after the match: where that is what the summary counts. */
  readonly showNext: boolean;
}

interface Props {
  readonly hit: Hit;
  /** Its document is not what was indexed. */
  readonly changed: boolean;
  readonly look: RowLook;
  readonly row: number;
  readonly top: number;
  readonly wrapped: boolean;
  /** A new object when heights must be measured again. */
  readonly heights: RowHeights;
  readonly tabbable: boolean;
  readonly cursor: number | null;
  readonly onFocus: () => void;
  readonly onOpen: () => void;
  readonly onMeasure: (pixels: number) => void;
}

/** Pieces beside the match that could be in sight; the rest would only be clipped. */
const LEFT_PIECES = 36;
const RIGHT_PIECES = 48;
/** The deepest shade, on which text keeps a contrast of 4.5 in every theme. */
export const MOST_SHADE = 0.38;
const NO_PIECES: readonly Piece[] = [];

interface PiecesProps {
  readonly pieces: readonly Piece[];
  readonly hit: Hit;
  readonly cursor: number | null;
  /** Share of ink for each token's background. */
  readonly amounts: Float32Array;
  readonly ink: Ink;
  readonly showNext: boolean;
}

function Pieces(props: PiecesProps) {
  const { hit, amounts, ink } = props;
  return (
    <>
      {props.pieces.map((piece, i) => {
        if (piece.token === null) return piece.text;
        const amount = amounts[piece.token];
        const classes = `piece${piece.token === hit.match ? " match" : ""}${piece.token !== hit.match && piece.token === hit.target ? " target" : ""}${props.showNext && piece.token === hit.next ? " next" : ""}${piece.token === props.cursor ? " cursor" : ""}${amount > 0.5 ? " strong" : ""}`;
        return (
          <span
            key={i}
            class={classes}
            data-token={piece.token}
            style={{ backgroundColor: amount > 0.03 ? heat(ink, MOST_SHADE * amount) : "" }}
          >
            {piece.text}
          </span>
        );
      })}
    </>
  );
}

/** Labels of the tokens around the match, in their colors. */
function Annotations(props: { readonly hit: Hit; readonly look: RowLook }) {
  const { hit } = props;
  const { columns: attribute, columnsLeft: left, columnsRight: right } = props.look;
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
  if (token === undefined || token.isSpecial)
    return <span class={`swatch empty-swatch${here}`} title={`${format.signed(offset)}: outside the sentence`} />;
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

/** The score; of a relation also its two ends, for readers who do not see the marks. */
function Score(props: { readonly hit: Hit }) {
  const { hit } = props;
  const target = typeof hit.target === "number" ? hit.tokens[hit.target] : undefined;
  return (
    <div role="gridcell" class="score">
      <span class="score-bar" aria-hidden="true" style={{ width: `${Math.max(0, 100 * hit.score)}%` }} />
      <span>{hit.score.toFixed(3)}</span>
      {target !== undefined && (
        <span class="hidden">
          : “{hit.tokens[hit.match].text.trim()}” attends to “{target.text.trim()}”
        </span>
      )}
    </div>
  );
}

function Source(props: { readonly hit: Hit; readonly changed: boolean }) {
  const { hit, changed } = props;
  const [, folder, file] = /^(.*\/)?(.*)$/.exec(format.shortUri(hit.document)) ?? ["", "", hit.document];
  return (
    <div role="gridcell" class="source">
      {changed && (
        <span
          class="stale"
          title="The file changed after it was indexed. Opening it looks for the sentence where it is now."
        >
          changed
        </span>
      )}
      <span class="source-link" title={`${hit.document}, line ${lineOf(hit)}`}>
        {!changed && <span class="source-folder">{folder}</span>}
        <span class="source-file">{file}</span>
        <span class="source-line">:{lineOf(hit)}</span>
      </span>
    </div>
  );
}

function Row(props: Props) {
  const { hit, wrapped } = props;
  const element = useRef<HTMLDivElement>(null);
  const { look } = props;
  const ink = inkOf(look.theme);
  const amounts = useMemo(() => shading(hit, look.direction), [hit, look.direction]);
  const parts = useMemo(
    () => (wrapped ? { left: NO_PIECES, match: NO_PIECES, right: sentencePieces(hit) } : kwic(hit)),
    [hit, wrapped],
  );
  useLayoutEffect(() => {
    if (wrapped && element.current !== null) props.onMeasure(element.current.offsetHeight);
  });
  const open = () => {
    if (document.getSelection()?.isCollapsed !== false) props.onOpen();
  };
  const pieces = (list: readonly Piece[]) => (
    <Pieces pieces={list} hit={hit} cursor={props.cursor} amounts={amounts} ink={ink} showNext={look.showNext} />
  );
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
      <Score hit={hit} />
      {!wrapped && (
        <div role="gridcell" class="swatches">
          <Annotations hit={hit} look={look} />
        </div>
      )}
      {!wrapped && (
        <div role="gridcell" class="kwic-left">
          <span class="line">{pieces(parts.left.slice(-LEFT_PIECES))}</span>
        </div>
      )}
      {!wrapped && (
        <div role="gridcell" class="kwic-right">
          {pieces(parts.match)}
          {pieces(parts.right.slice(0, RIGHT_PIECES))}
        </div>
      )}
      {wrapped && (
        <div role="gridcell" class="sentence">
          {pieces(parts.right)}
        </div>
      )}
      {wrapped && (
        <div role="gridcell" class="swatches">
          <Annotations hit={hit} look={look} />
        </div>
      )}
      <Source hit={hit} changed={props.changed} />
    </div>
  );
}

/** Draws again only when its place, cursor or hit changes; the callbacks always mean the same row. */
export const HitRow = memo(
  Row,
  (a, b) =>
    a.hit === b.hit &&
    a.changed === b.changed &&
    shallowEqual(a.look, b.look) &&
    a.row === b.row &&
    a.top === b.top &&
    a.wrapped === b.wrapped &&
    a.heights === b.heights &&
    a.tabbable === b.tabbable &&
    a.cursor === b.cursor,
);
