/** Rows × columns: one tab stop, arrow keys move, the value of the cell under pointer or focus stands below. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { MatrixCell, MatrixData } from "../draw/matrix";
import { inkOn } from "../logic/palette";
import { memo } from "./memo";
import { stepOf, stepTo } from "./roving";

interface At {
  readonly row: number;
  readonly column: number;
}

interface MatrixProps {
  readonly label: string;
  readonly data: MatrixData;
  /** Cells hold words rather than colors alone. */
  readonly worded?: boolean;
  readonly chosenColumn?: number | null;
  readonly onChoose?: (at: At) => void;
}

/** Names of columns longer than this are cut; the name stands in the tip. */
const COLUMN_NAME = 12;

function cut(name: string): string {
  return name.length > COLUMN_NAME ? `${name.slice(0, COLUMN_NAME - 1)}…` : name;
}

function nameOf(data: MatrixData, { row, column }: At): string {
  const { rowKind, columnKind, rowNames, columnNames, cells } = data;
  const said = cells[row]?.[column]?.spoken ?? "";
  return `${rowKind} ${rowNames[row]}, ${columnKind} ${columnNames[column]}: ${said}`;
}

export function Matrix(props: MatrixProps) {
  const { data, worded = false } = props;
  const grid = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState<At>({ row: 0, column: 0 });
  const [pointed, setPointed] = useState<At | null>(null);
  const [nRows, nColumns] = [data.cells.length, data.columnNames.length];
  const stop = { row: Math.min(focus.row, nRows - 1), column: Math.min(focus.column, nColumns - 1) };
  const place = (event: Event): At | null => {
    const at = (event.target as Element).closest<HTMLElement>("[data-cell]")?.dataset.cell?.split(":").map(Number);
    return at === undefined ? null : { row: at[0], column: at[1] };
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") {
      if (props.onChoose === undefined) return;
      event.preventDefault();
      props.onChoose(stop);
      return;
    }
    const step = stepOf(event.key);
    if (step === null) return;
    event.preventDefault();
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const next = vertical
      ? { ...stop, row: stepTo(step, stop.row, nRows) }
      : { ...stop, column: stepTo(step, stop.column, nColumns) };
    setFocus(next);
    setPointed(next);
    grid.current?.querySelector<HTMLElement>(`[data-cell="${next.row}:${next.column}"]`)?.focus();
  };
  const shown = pointed !== null && data.cells[pointed.row]?.[pointed.column] !== undefined ? pointed : null;
  return (
    <div class="matrix-box">
      <div class="matrix-scroll">
        <div
          ref={grid}
          class={`matrix${worded ? " worded" : ""}`}
          role="grid"
          aria-label={`${props.label}. Arrow keys read the cells.`}
          aria-rowcount={nRows + 1}
          aria-colcount={nColumns + 1}
          style={{ "--columns": String(nColumns) }}
          onKeyDown={keys}
          onMouseOver={(event) => setPointed(place(event))}
          onMouseLeave={() => setPointed(null)}
          onClick={(event) => {
            const at = place(event);
            if (at !== null) props.onChoose?.(at);
          }}
        >
          <div role="row" class="matrix-row">
            <span role="columnheader" class="matrix-corner">
              <span class="hidden">{data.rowKind}</span>
            </span>
            {data.columnNames.map((name, i) => (
              <span
                key={i}
                role="columnheader"
                class={`matrix-column${props.chosenColumn === i ? " on" : ""}`}
                title={name}
              >
                <span>{cut(name)}</span>
              </span>
            ))}
          </div>
          {data.cells.map((cells, row) => (
            <MatrixRow
              key={row}
              name={data.rowNames[row]}
              cells={cells}
              row={row}
              tabStop={stop.row === row ? stop.column : -1}
              rowKind={data.rowKind}
              onFocus={(column) => {
                setFocus({ row, column });
                setPointed({ row, column });
              }}
            />
          ))}
        </div>
      </div>
      <p class="matrix-value" aria-hidden="true">
        {shown === null
          ? "Point at a cell, or move to it with the arrow keys, to read its value."
          : nameOf(data, shown)}
      </p>
    </div>
  );
}

interface RowProps {
  readonly name: string;
  readonly rowKind: string;
  readonly cells: readonly MatrixCell[];
  readonly row: number;
  readonly tabStop: number;
  readonly onFocus: (column: number) => void;
}

function Row(props: RowProps) {
  const { cells, row } = props;
  const styles = useMemo(
    () => cells.map(({ color }) => (color === null ? {} : { backgroundColor: color, color: inkOn(color) })),
    [cells],
  );
  return (
    <div role="row" class="matrix-row">
      <span role="rowheader" class="matrix-name" title={`${props.rowKind} ${props.name}`}>
        {props.name}
      </span>
      {cells.map(({ text, spoken }, column) => (
        <span
          key={column}
          role="gridcell"
          class="matrix-cell"
          data-cell={`${row}:${column}`}
          tabIndex={props.tabStop === column ? 0 : -1}
          aria-label={spoken}
          style={styles[column]}
          onFocus={() => props.onFocus(column)}
        >
          {text}
        </span>
      ))}
    </div>
  );
}

/** Thousands of cells need not be compared when the focus moves. */
const MatrixRow = memo(
  Row,
  (a, b) => a.name === b.name && a.cells === b.cells && a.row === b.row && a.tabStop === b.tabStop,
);
