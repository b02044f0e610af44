/** What one head does otherwise in B: curves, and the largest changes as a table. */
import { useMemo, useState } from "preact/hooks";
import * as format from "../../../logic/format";
import { useApp, useController, useSize } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { Busy, isBusy, isFailed } from "../../../ui/states";
import { namesOf } from "../actions";
import { DASHES, type DifferenceCurve, differenceCurves, layoutDifference, ROW } from "../draw/differenceSvg";
import { type DifferenceEdge, differenceEdges } from "../logic/differences";
import type { HeadPair } from "../state";

const MOST_ROWS = 8;
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

function Lines(props: { readonly curves: readonly DifferenceCurve[]; readonly focus: number | null }) {
  const { curves, focus } = props;
  return (
    <>
      {curves.map(({ d, more, width, edge }) => {
        const on = focus === null || edge.source === focus || edge.target === focus;
        return (
          <path
            key={`${edge.source}:${edge.target}`}
            d={d}
            class={`difference ${more ? "more" : "less"}${on ? "" : " off"}`}
            stroke-width={width}
            stroke-dasharray={more ? undefined : DASHES}
          />
        );
      })}
    </>
  );
}

function Picture(props: { readonly edges: readonly DifferenceEdge[]; readonly names: readonly string[] }) {
  const { edges, names } = props;
  const { ref, width } = useSize<HTMLDivElement>();
  const [focus, setFocus] = useState<number | null>(null);
  const layout = useMemo(() => layoutDifference(Math.min(width, 620), names), [width, names]);
  const curves = useMemo(() => differenceCurves(edges, layout), [edges, layout]);
  const column = (x: number, anchor: "start" | "end") =>
    names.map((name, i) => (
      <text
        key={`${anchor}${i}`}
        x={x}
        y={(i + 0.5) * ROW + 4.5}
        text-anchor={anchor}
        class={focus === i ? "on" : ""}
        onMouseEnter={() => setFocus(i)}
        onMouseLeave={() => setFocus(null)}
      >
        {name}
      </text>
    ));
  return (
    <div class="difference-picture" ref={ref}>
      {width > 0 && (
        <svg
          role="img"
          aria-label="Curves of the differences; the table below names the largest"
          width={layout.width}
          height={layout.height}
        >
          <Lines curves={curves} focus={focus} />
          {column(layout.left - 4, "end")}
          {column(layout.right + 4, "start")}
        </svg>
      )}
    </div>
  );
}

function Largest(props: { readonly edges: readonly DifferenceEdge[]; readonly names: readonly string[] }) {
  const { edges, names } = props;
  return (
    <table class="plain-table">
      <caption class="hidden">Largest differences, from the token that looks to the one that is looked at</caption>
      <thead>
        <tr>
          <th scope="col">from → to</th>
          <th scope="col">A</th>
          <th scope="col">B</th>
          <th scope="col">B less A</th>
        </tr>
      </thead>
      <tbody>
        {edges.slice(0, MOST_ROWS).map(({ source, target, before, after, difference }) => (
          <tr key={`${source}:${target}`}>
            <th scope="row">
              {names[source]} → {names[target]}
            </th>
            <td>{format.weight(before)}</td>
            <td>{format.weight(after)}</td>
            <td>{signed(difference)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Shown(props: { readonly pair: HeadPair; readonly names: readonly string[] }) {
  const { pair, names } = props;
  const edges = useMemo(() => differenceEdges(pair.before, pair.after, pair.n), [pair]);
  if (edges.length === 0)
    return <p class="muted">This head looks at the same places in both: no weight differs by 0.005 or more.</p>;
  return (
    <>
      <Picture edges={edges} names={names} />
      <p class="legend">
        <span class="line-sample more" aria-hidden="true" /> more attention in B ·{" "}
        <span class="line-sample less" aria-hidden="true" /> less in B · thickest line {signed(edges[0].difference)}
      </p>
      <Largest edges={edges} names={names} />
    </>
  );
}

/** The same head in the other panes. */
function OtherPanes(props: { readonly pair: HeadPair }) {
  const controller = useController();
  const { layer, head } = props.pair;
  const go = (pane: "heads" | "effect") => controller.update({ chosenHead: { layer, head }, headTopic: null, pane });
  return (
    <div class="actions">
      <Button kind="link" title="Open the profile of this head over the corpus" onClick={() => go("heads")}>
        what it does everywhere
      </Button>
      <Button kind="link" title="Open what changes in this text without this head" onClick={() => go("effect")}>
        whether it matters here
      </Button>
    </div>
  );
}

export function Curves() {
  const { pair, reading, pinned, capture } = useApp((s) => ({
    pair: s.headPair,
    reading: s.readingPair,
    pinned: s.pinnedCapture,
    capture: s.capture,
  }));
  const names = useMemo(() => namesOf({ pinnedCapture: pinned, capture }), [pinned, capture]);
  return (
    <>
      <h3>
        {pair === null ? "One head" : `Head ${pair.layer}.${pair.head}`}{" "}
        <span class="muted">where its attention goes in B and did not in A</span>
      </h3>
      {pair !== null && <OtherPanes pair={pair} />}
      {isBusy(reading) && <Busy what="Reading this head …" progress={null} />}
      {isFailed(reading) && <p class="muted">Not drawn: {reading.error.message}</p>}
      {pair !== null && pair.n === names.length && <Shown pair={pair} names={names} />}
    </>
  );
}
