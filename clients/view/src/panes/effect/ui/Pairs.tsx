/** The similarity of two texts, pair by pair of tokens. */
import { useMemo } from "preact/hooks";
import { inkOf } from "../../../draw/ink";
import type { Tensor } from "../../../protocol";
import { useApp } from "../../../ui/context";
import { Matrix } from "../../../ui/Matrix";
import { signed } from "../logic/effects";
import { pairLegend, pairMatrix, strongestPairs } from "../logic/pairs";

const MOST_NAMED = 5;

export function Pairs(props: { readonly pairs: Tensor }) {
  const { capture, other, theme } = useApp((s) => ({ capture: s.capture, other: s.againstTokens, theme: s.theme }));
  const data = useMemo(
    () => pairMatrix(props.pairs, capture?.tokens ?? [], other ?? [], inkOf(theme)),
    [props.pairs, capture, other, theme],
  );
  return (
    <>
      <h3>
        Pairs of tokens <span class="muted">what each adds to the similarity</span>
      </h3>
      <p>
        Most:{" "}
        {strongestPairs(data, MOST_NAMED).map(({ row, column, value }, i) => (
          <span key={`${row}:${column}`}>
            {i > 0 && " · "}
            {data.rowNames[row]} × {data.columnNames[column]} <b>{signed(value, 3)}</b>
          </span>
        ))}
      </p>
      <Matrix label="What each pair of tokens adds to the similarity" data={data} />
      <p class="legend">{pairLegend(data)}</p>
    </>
  );
}
