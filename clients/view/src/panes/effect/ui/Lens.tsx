/** What each hidden state would predict: at the measured token as a table, or at every token as a matrix. */
import { useMemo } from "preact/hooks";
import { inkOf } from "../../../draw/ink";
import * as format from "../../../logic/format";
import type { LensLayer } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Segmented } from "../../../ui/controls";
import { Matrix } from "../../../ui/Matrix";
import { Busy, isBusy, isFailed } from "../../../ui/states";
import { lensMatrix, lensPlaces, MOST_PLACES } from "../logic/lens";
import { tokenName, visible } from "../logic/names";

function OneToken(props: { readonly lens: readonly LensLayer[] }) {
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">state</th>
          <th scope="col">rank of the target</th>
          <th scope="col">its probability</th>
          <th scope="col">likeliest</th>
        </tr>
      </thead>
      <tbody>
        {props.lens.map(({ hiddenLayer, targetRank, targetProbability, top }) => (
          <tr key={hiddenLayer} class={targetRank === 1 ? "first-rank" : ""}>
            <th scope="row">{hiddenLayer}</th>
            <td>{targetRank.toLocaleString("en")}</td>
            <td>{format.percent(targetProbability, 1)}</td>
            <td>
              {top.map(({ token, probability }) => `${visible(token)} ${format.percent(probability)}`).join(" · ")}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function EveryToken() {
  const controller = useController();
  const { columns, reading, capture, theme, target } = useApp((s) => ({
    columns: s.lensColumns,
    reading: s.readingLens,
    capture: s.capture,
    theme: s.theme,
    target: s.decomposition?.target?.token ?? null,
  }));
  const names = useMemo(() => (capture?.tokens ?? []).map(tokenName), [capture]);
  const data = useMemo(() => lensMatrix(columns, names, inkOf(theme)), [columns, names, theme]);
  if (capture === null) return null;
  const all = capture.tokens.length;
  const at = columns.findIndex(({ token }) => token === target);
  return (
    <>
      {isBusy(reading) && (
        <Busy
          what="Reading every token …"
          progress={reading.progress}
          onCancel={() => controller.parts.effect.stopLens()}
        />
      )}
      {isFailed(reading) && <p class="muted">Not read further: {reading.error.message}</p>}
      {columns.length > 0 && (
        <Matrix
          worded
          label="The likeliest token of each hidden state, at each token of the text"
          data={data}
          chosenColumn={at < 0 ? null : at}
        />
      )}
      <p class="legend">
        rows are hidden states, 0 is the embedding · in each cell the state's likeliest token · full color: sure of what
        comes out at the end
        {all > MOST_PLACES && lensPlaces(capture.tokens).length === MOST_PLACES && ` · the last ${MOST_PLACES} tokens`}
      </p>
    </>
  );
}

export function Lens(props: { readonly lens: readonly LensLayer[] }) {
  const controller = useController();
  const how = useApp((s) => s.view.effectLens);
  if (props.lens.length === 0) return null;
  return (
    <>
      <div class="pane-head">
        <h3>
          What each hidden state would predict{" "}
          <span class="muted">through the final norm and the language-model head</span>
        </h3>
        <span class="spring" />
        <Segmented
          label="Read the states"
          choices={[
            { value: "one", text: "here", title: "At the token whose prediction is measured" },
            { value: "all", text: "every token", title: "At every token of the text, one after the other" },
          ]}
          value={how}
          onChange={(effectLens) => controller.update({ effectLens })}
        />
      </div>
      {how === "one" ? <OneToken lens={props.lens} /> : <EveryToken />}
    </>
  );
}
