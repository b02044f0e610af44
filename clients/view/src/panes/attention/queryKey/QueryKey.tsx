/** One row of one head as BertViz's neuron view shows it: which dimensions of query and key make its weights. */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { sides } from "../../../app";
import { heat, inkOf } from "../../../draw/ink";
import * as format from "../../../logic/format";
import { rgb } from "../../../logic/palette";
import { tokenLabel } from "../../../logic/units";
import type { QueryKeyResult } from "../../../protocol";
import { sizeCanvas, useApp, useController, useSize } from "../../../ui/context";
import { Check } from "../../../ui/controls";
import { Busy, Failed, isBusy, isFailed } from "../../../ui/states";
import { keyRows, largest, strongestDimensions } from "./products";

const MOST_KEYS = 12;
const NAMED = 2;
const STRIP_HEIGHT = 16;
/** What JSON-RPC answers for a method that the server does not have. */
const METHOD_NOT_FOUND = -32601;

/** One number a dimension as a cell: above zero in one color, below in the other. */
function Strip(props: { readonly values: ArrayLike<number>; readonly most: number; readonly title: string }) {
  const theme = useApp((s) => s.theme);
  const { values, most } = props;
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current === null ? null : sizeCanvas(canvas.current, width, STRIP_HEIGHT);
    if (context === null || context === undefined) return;
    const ink = inkOf(theme);
    const below = { ...ink, heat: rgb(ink.tick) };
    const cell = width / values.length;
    context.clearRect(0, 0, width, STRIP_HEIGHT);
    for (let i = 0; i < values.length; i++) {
      const share = most > 0 ? Math.abs(values[i]) / most : 0;
      context.fillStyle = heat(values[i] < 0 ? below : ink, 0.04 + 0.96 * Math.sqrt(share));
      context.fillRect(i * cell, 0, cell >= 4 ? cell - 1 : cell, STRIP_HEIGHT);
    }
  });
  const over = (event: MouseEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * values.length);
    if (at >= 0 && at < values.length) event.currentTarget.title = `dimension ${at}: ${signed(values[at])}`;
  };
  return (
    <div class="strip" ref={ref} title={props.title} onMouseMove={over}>
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

function Rows(props: { readonly result: QueryKeyResult }) {
  const { result } = props;
  const { capture, stack } = useApp((s) => ({ capture: s.capture, stack: s.view.stack }));
  const rows = useMemo(() => keyRows(result, MOST_KEYS), [result]);
  const { left, right } = sides(capture, stack);
  const query = left[result.token];
  if (query === undefined) return null;
  const visible = result.weights.length - result.hidden.length;
  const most = largest(rows);
  const mostQuery = result.query.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const isPlain = result.softcap === null && result.bias.every((one) => one === 0);
  return (
    <>
      <table class="query-key">
        <caption class="muted">
          Each cell of a key is a dimension: query × key
          {result.scaling === 1 ? "" : ` ÷ ${(1 / result.scaling).toFixed(2)}`}. A row of cells sums to the score
          {isPlain ? "" : ", which gets the key's bias"}; the softmax of the scores is the attention. Red is below zero.
        </caption>
        <thead>
          <tr>
            <th scope="col">token</th>
            <th scope="col">dimensions 0 to {result.query.length - 1}</th>
            <th scope="col">most from</th>
            <th scope="col">score</th>
            <th scope="col">attention</th>
          </tr>
        </thead>
        <tbody>
          <tr class="of-query">
            <th scope="row">{tokenLabel(query)}</th>
            <td>
              <Strip values={result.query} most={mostQuery} title="the query" />
            </td>
            <td class="dimensions">query</td>
            <td colSpan={2} />
          </tr>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row" title={`token ${row.key}`}>
                {right[row.key] === undefined ? row.key : tokenLabel(right[row.key])}
              </th>
              <td>
                <Strip values={row.products} most={most} title="query × key" />
              </td>
              <td class="dimensions">
                {strongestDimensions(row, NAMED)
                  .map(({ dimension, product }) => `${dimension} ${signed(product)}`)
                  .join(", ")}
              </td>
              <td title={`sum of the dimensions ${signed(row.score)}`}>{signed(row.final)}</td>
              <td>
                <b>{format.weight(row.weight)}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {visible > rows.length && (
        <p class="muted">
          The {rows.length} keys with most attention, of {visible}.
        </p>
      )}
      {result.sink !== null && (
        <p class="muted">
          A sink with score {signed(result.sink)} takes {format.percent(1 - result.weights.reduce((a, b) => a + b, 0))}{" "}
          and is no token.
        </p>
      )}
    </>
  );
}

export function QueryKey() {
  const controller = useController();
  const { view, result, status } = useApp((s) => ({ view: s.view, result: s.queryKey, status: s.queryKeyStatus }));
  const { pinned, heads, showQueryKey } = view;
  const missing =
    heads?.length !== 1
      ? "Choose one head to see which dimensions of query and key make its attention."
      : pinned?.side !== "left"
        ? "Pin a token on the left to see which dimensions of its query and of the keys make its attention."
        : null;
  return (
    <section class="query-key-box" aria-label="Query and keys">
      <Check
        label="query × key"
        title="Show which dimensions of query and key make the attention of the pinned token in one head"
        checked={showQueryKey}
        onChange={(shown) => controller.update({ showQueryKey: shown })}
      />
      {showQueryKey && missing !== null && <p class="muted">{missing}</p>}
      {showQueryKey && isBusy(status) && <Busy what="Reading query and keys …" progress={null} />}
      {showQueryKey && isFailed(status) && status.error.code === METHOD_NOT_FOUND && (
        <p class="muted">This server is older than this view. Update the Python package exbert-rpc.</p>
      )}
      {showQueryKey && isFailed(status) && status.error.code !== METHOD_NOT_FOUND && (
        <Failed error={status.error} onRetry={() => controller.parts.attention.queryKey.retry()} />
      )}
      {showQueryKey && missing === null && result !== null && <Rows result={result} />}
    </section>
  );
}
