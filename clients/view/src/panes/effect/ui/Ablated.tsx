/** The chosen head: the measure with and without it, and the predictions of both. */
import { pinnable } from "../../../control/passes";
import * as format from "../../../logic/format";
import type { AblateHeadsResult, HeadEffect, Prediction } from "../../../protocol";
import type { HeadAt } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { deltas, plainly, signed, strongestOf, unitOf } from "../logic/effects";
import { visible } from "../logic/names";

const MOST_LISTED = 8;

function Predictions(props: {
  readonly title: string;
  readonly top: readonly Prediction[];
  readonly other: readonly Prediction[];
}) {
  const others = new Set(props.other.map(({ id }) => id));
  return (
    <table class="plain-table prediction-table">
      <caption>{props.title}</caption>
      <tbody>
        {props.top.map(({ id, token, probability }) => (
          <tr key={id}>
            <th scope="row">
              {visible(token)} {!others.has(id) && <span class="muted">new</span>}
            </th>
            <td>{format.percent(probability, 1)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Chosen(props: {
  readonly effects: AblateHeadsResult;
  readonly effect: HeadEffect;
  readonly at: HeadAt;
  readonly what: string;
}) {
  const controller = useController();
  const { effects, effect, at, what } = props;
  const unit = unitOf(effects.measure);
  const behind = unit === "" ? "" : `\u00a0${unit}`;
  const instead = effects.mode === "mean" ? "gives its mean instead of its output" : "gives nothing";
  return (
    <>
      <div class="pane-head">
        <h3>
          Without head {effect.layer}.{effect.head}
        </h3>
        <span class="spring" />
        <Button
          kind="link"
          title="Open the profile of this head over the corpus"
          onClick={() => controller.update({ pane: "heads" })}
        >
          what it does everywhere
        </Button>
      </div>
      <div class="findings">
        <p>
          When head {effect.layer}.{effect.head} {instead}, the {what} goes from {plainly(effects.base)} to{" "}
          {plainly(effect.value)}
          {behind}: <b>{signed(effect.delta, 3)}</b>.
          {effect.klDivergence !== null &&
            ` KL divergence of the prediction: ${effect.klDivergence.toFixed(4)}\u00a0nats.`}
        </p>
      </div>
      <LookWithout at={at} mode={effects.mode} />
      {effects.baseTop !== null && effect.top !== null && (
        <div class="before-after">
          <Predictions title="with all heads" top={effects.baseTop} other={effect.top} />
          <Predictions title={`without ${effect.layer}.${effect.head}`} top={effect.top} other={effects.baseTop} />
        </div>
      )}
    </>
  );
}

/** The pass without the head, kept by the server: to look at, and to compare. */
function LookWithout(props: { readonly at: HeadAt; readonly mode: AblateHeadsResult["mode"] }) {
  const controller = useController();
  const { at, mode } = props;
  const { without, capture } = useApp((s) => ({ without: s.view.without, capture: s.capture }));
  const off = without.some(({ layer, head }) => layer === at.layer && head === at.head);
  if (capture === null) return null;
  const others = without.filter(({ layer, head }) => layer !== at.layer || head !== at.head);
  const compare = () => {
    controller.update({ compareWith: { ...pinnable(capture), without: [] }, pane: "compare" });
    if (!off) controller.setWithout([...without, at], mode);
  };
  const look = () => {
    controller.update({ pane: "attention" });
    controller.setWithout([...without, at], mode);
  };
  return (
    <div class="actions">
      {off ? (
        <Button onClick={() => controller.setWithout(others, mode)}>Switch it on again</Button>
      ) : (
        <Button title="Attention, contexts and summary of the pass without this head" onClick={look}>
          Look at the text without it
        </Button>
      )}
      <Button title="Which heads, hidden states and predictions change behind it" onClick={compare}>
        Compare before and after
      </Button>
    </div>
  );
}

export function Ablated(props: { readonly effects: AblateHeadsResult; readonly what: string }) {
  const controller = useController();
  const chosen = useApp((s) => s.view.chosenHead);
  const { effects } = props;
  const effect = effects.effects.find(({ layer, head }) => layer === chosen?.layer && head === chosen?.head);
  return (
    <article class="head-card">
      {effect === undefined || chosen === null ? (
        <h3>Choose a head in the map</h3>
      ) : (
        <Chosen effects={effects} effect={effect} at={chosen} what={props.what} />
      )}
      <h4>Largest changes</h4>
      <ul class="starts">
        {strongestOf(deltas(effects), MOST_LISTED).map(({ layer, head, value }) => (
          <li key={`${layer}:${head}`}>
            <Button
              kind="link"
              title={`Show what changes without head ${layer}.${head}`}
              onClick={() => controller.update({ chosenHead: { layer, head }, headTopic: null })}
            >
              head {layer}.{head}
            </Button>{" "}
            {signed(value, 3)}
          </li>
        ))}
      </ul>
      <p class="legend">
        One text shows what happens in this text. A head that can be missed here may be needed elsewhere, and others may
        take over.
      </p>
    </article>
  );
}
