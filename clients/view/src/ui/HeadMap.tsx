/** Layers × heads: one tab stop, arrow keys move, Enter chooses. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { MapCell } from "../draw/headMap";
import { inkOn } from "../logic/palette";
import type { HeadAt } from "../state";
import { memo } from "./memo";
import { stepOf, stepTo } from "./roving";

interface MapProps {
  readonly label: string;
  readonly cells: readonly MapCell[];
  readonly chosen: HeadAt | null;
  readonly onChoose: (at: HeadAt) => void;
}

/** More heads than this leave no room for words in a cell, more layers room for one line. */
const MOST_WORDED = 16;
const MOST_HIGH = 16;

export function HeadMap(props: MapProps) {
  const { cells, chosen } = props;
  const grid = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<HeadAt | null>(null);
  const { layers, rows, nHeads } = useMemo(() => {
    const numbers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
    return {
      layers: numbers,
      rows: numbers.map((layer) => cells.filter((cell) => cell.layer === layer)),
      nHeads: 1 + Math.max(0, ...cells.map(({ head }) => head)),
    };
  }, [cells]);
  const first = cells.length > 0 ? cells[0] : { layer: 0, head: 0 };
  const known = (at: HeadAt | null) =>
    at !== null && cells.some(({ layer, head }) => layer === at.layer && head === at.head) ? at : null;
  const tabStop = known(active) ?? known(chosen) ?? first;

  const keys = (event: KeyboardEvent) => {
    const step = stepOf(event.key);
    if (step === null) return;
    event.preventDefault();
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const next = vertical
      ? { ...tabStop, layer: layers[stepTo(step, layers.indexOf(tabStop.layer), layers.length)] }
      : { ...tabStop, head: stepTo(step, tabStop.head, nHeads) };
    if (known(next) === null) return;
    setActive(next);
    grid.current?.querySelector<HTMLElement>(`[data-at="${next.layer}:${next.head}"]`)?.focus();
  };

  const lines = nHeads > MOST_WORDED ? 0 : layers.length > MOST_HIGH ? 1 : 2;
  return (
    <div
      ref={grid}
      class={`head-map${lines === 2 ? "" : " dense"}`}
      role="group"
      aria-label={`${props.label}. Arrow keys move, Enter chooses a head.`}
      style={{ "--heads": String(nHeads) }}
      onKeyDown={keys}
    >
      <span aria-hidden="true" />
      {Array.from({ length: nHeads }, (_, head) => (
        <span key={head} class="head-map-number" aria-hidden="true">
          {head}
        </span>
      ))}
      {rows.map((row, i) => (
        <MapRow
          key={layers[i]}
          layer={layers[i]}
          cells={row}
          lines={lines}
          chosen={chosen?.layer === layers[i] ? chosen.head : -1}
          tabStop={tabStop.layer === layers[i] ? tabStop.head : -1}
          onFocus={(head) => setActive({ layer: layers[i], head })}
          onChoose={(head) => props.onChoose({ layer: layers[i], head })}
        />
      ))}
    </div>
  );
}

interface RowProps {
  readonly layer: number;
  readonly cells: readonly MapCell[];
  /** Lines that fit into a cell. */
  readonly lines: number;
  readonly chosen: number;
  readonly tabStop: number;
  readonly onFocus: (head: number) => void;
  readonly onChoose: (head: number) => void;
}

function Row(props: RowProps) {
  return (
    <>
      <span class="head-map-number" aria-hidden="true">
        {props.layer}
      </span>
      {props.cells.map((cell) => {
        const { layer, head, color } = cell;
        const name = `layer ${layer}, head ${head}: ${cell.spoken}`;
        return (
          <button
            key={head}
            type="button"
            data-at={`${layer}:${head}`}
            class={`head-cell${props.chosen === head ? " chosen" : ""}`}
            aria-label={name}
            aria-pressed={props.chosen === head}
            title={name}
            tabIndex={props.tabStop === head ? 0 : -1}
            style={{
              gridColumn: String(head + 2),
              ...(color === null ? {} : { backgroundColor: color, color: inkOn(color) }),
            }}
            onFocus={() => props.onFocus(head)}
            onClick={() => props.onChoose(head)}
          >
            {cell.lines.slice(0, props.lines).map((line, i) => (
              <span key={i} class="head-cell-line">
                {`${line} `}
              </span>
            ))}
          </button>
        );
      })}
    </>
  );
}

/** A thousand cells need not be compared when the focus moves. */
const MapRow = memo(
  Row,
  (a, b) =>
    a.layer === b.layer &&
    a.cells === b.cells &&
    a.lines === b.lines &&
    a.chosen === b.chosen &&
    a.tabStop === b.tabStop,
);
