/** Whether heads matter for the text on show: the map, and beside it the chosen head or the sum of parts. */
import { useMemo, useState } from "preact/hooks";
import type { Capture } from "../../../app";
import { diverging } from "../../../draw/headMap";
import { inkOf } from "../../../draw/ink";
import type { AblateHeadsResult, DecomposeResult } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button, Segmented } from "../../../ui/controls";
import { HeadMap } from "../../../ui/HeadMap";
import { Busy, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { contributions, deltas, measured, plainly, unitOf, valueCells } from "../logic/effects";
import { mapLegend } from "../logic/legend";
import { Ablated } from "./Ablated";
import { Parts } from "./Parts";

const METHOD_NOT_FOUND = -32601;

function Against() {
  const controller = useController();
  const against = useApp((s) => s.view.effectAgainst);
  const [typed, setTyped] = useState<string | null>(null);
  const commit = () => {
    if (typed !== null) controller.update({ effectAgainst: typed.trim() });
    setTyped(null);
  };
  return (
    <form
      class="against"
      onSubmit={(event) => {
        event.preventDefault();
        commit();
      }}
    >
      <label class="field">
        <span class="field-label">compare with</span>
        <input
          type="text"
          value={typed ?? against}
          placeholder="a second text"
          title="Measures how alike the two texts are, instead of a prediction"
          onInput={(event) => setTyped(event.currentTarget.value)}
          onBlur={commit}
        />
      </label>
      {against !== "" && (
        <Button kind="link" onClick={() => controller.update({ effectAgainst: "" })}>
          clear
        </Button>
      )}
    </form>
  );
}

function Choices() {
  const controller = useController();
  const { of, mode } = useApp((s) => ({ of: s.view.effectOf, mode: s.view.effectMode }));
  return (
    <div class="options">
      <Segmented
        label="Question"
        choices={[
          { value: "ablation", text: "without each head", title: "What changes when one head gives a constant" },
          { value: "parts", text: "sum of parts", title: "What embedding, heads and MLPs add to the result" },
        ]}
        value={of}
        onChange={(effectOf) => controller.update({ effectOf })}
      />
      {of === "ablation" && (
        <Segmented
          label="The head gives"
          showLabel
          choices={[
            {
              value: "mean",
              text: "its mean",
              title: "The mean of its output over ordinary text: the fair comparison",
            },
            { value: "zero", text: "zero", title: "Nothing: this blames heads that only carry a constant" },
          ]}
          value={mode}
          onChange={(effectMode) => controller.update({ effectMode })}
        />
      )}
      <Against />
    </div>
  );
}

function Missing() {
  const controller = useController();
  const { measuring, capture, attend } = useApp((s) => ({
    measuring: s.measuring,
    capture: s.capture,
    attend: s.attend,
  }));
  if (isBusy(attend)) return <Busy what="Reading the text …" progress={attend.progress} />;
  if (isFailed(attend)) return <Failed error={attend.error} onRetry={() => void controller.reload()} />;
  if (capture === null)
    return (
      <Empty title="No text yet">
        <p>Select a text in the editor. Then every head is replaced by its mean, and what changes is shown here.</p>
      </Empty>
    );
  if (isBusy(measuring))
    return (
      <Busy
        what="Running the model without each head …"
        progress={measuring.progress}
        onCancel={() => controller.parts.effect.cancel()}
      />
    );
  if (isFailed(measuring) && measuring.error.code === METHOD_NOT_FOUND)
    return (
      <Empty title="This server does not measure effects">
        <p>It is older than this view. Update the Python package exbert-rpc.</p>
      </Empty>
    );
  if (isFailed(measuring)) return <Failed error={measuring.error} onRetry={() => controller.parts.effect.retry()} />;
  return (
    <Empty title="Not measured">
      <Button onClick={() => controller.parts.effect.retry()}>Measure now</Button>
    </Empty>
  );
}

interface ShownProps {
  readonly capture: Capture;
  readonly effects: AblateHeadsResult | null;
  readonly decomposition: DecomposeResult | null;
}

function Shown(props: ShownProps) {
  const controller = useController();
  const { capture, effects, decomposition } = props;
  const { chosen, theme, of, against } = useApp((s) => ({
    chosen: s.view.chosenHead,
    theme: s.theme,
    of: s.view.effectOf,
    against: s.view.effectAgainst.trim(),
  }));
  const answer = effects ?? decomposition;
  const values = useMemo(
    () => (effects !== null ? deltas(effects) : decomposition !== null ? contributions(decomposition) : []),
    [effects, decomposition],
  );
  const unit = answer === null ? "" : unitOf(answer.measure);
  const cells = useMemo(() => valueCells(values, unit, inkOf(theme)), [values, unit, theme]);
  if (answer === null) return null;
  const what = measured(answer, capture, against);
  return (
    <div class="atlas">
      <div class="atlas-map">
        <p>
          <b>{plainly(effects?.base ?? decomposition?.total ?? 0)}</b>
          {unit !== "" && ` ${unit}`} <span class="muted">{what}</span>
        </p>
        <HeadMap
          label={`${of === "ablation" ? "Change without each head" : "What each head adds"}: ${what}`}
          cells={cells}
          chosen={chosen}
          onChoose={(chosenHead) => controller.update({ chosenHead, headTopic: null })}
        />
        <p class="legend">
          <span class="swatch-end" aria-hidden="true" style={{ backgroundColor: diverging(-1, inkOf(theme)) }} />{" "}
          <span class="swatch-end" aria-hidden="true" style={{ backgroundColor: diverging(1, inkOf(theme)) }} />{" "}
          {mapLegend(of, answer.measure, values)} · rows are layers, columns are heads
          {answer.measure === "cosine" && " · a text is the mean of its last hidden states"}
        </p>
      </div>
      {effects !== null && <Ablated effects={effects} what={what} />}
      {effects === null && decomposition !== null && <Parts decomposition={decomposition} />}
    </div>
  );
}

export function EffectPane() {
  const { capture, effects, decomposition, of } = useApp((s) => ({
    capture: s.capture,
    effects: s.effects,
    decomposition: s.decomposition,
    of: s.view.effectOf,
  }));
  const known = capture !== null && (effects !== null || decomposition !== null);
  return (
    <section class="pane effect-pane" aria-labelledby="exbert-effect">
      <div class="pane-head">
        <h2 id="exbert-effect">{of === "ablation" ? "What if a head were off?" : "Where does it come from?"}</h2>
        <span class="muted">in the text above</span>
      </div>
      <Choices />
      {known ? <Shown capture={capture} effects={effects} decomposition={decomposition} /> : <Missing />}
    </section>
  );
}
