/** The chosen head: the measure with and without it, and the predictions of both. */
import * as format from "../../../logic/format";
import type { AblateHeadsResult, HeadEffect, Prediction } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { deltas, plainly, signed, strongestOf, unitOf } from "../logic/effects";

const MOST_LISTED = 8;

/** Spaces of a token are seen. */
function visible(token: string): string {
  return token.replaceAll(" ", "␣").replaceAll("\n", "↵");
}

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

function Chosen(props: { readonly effects: AblateHeadsResult; readonly effect: HeadEffect; readonly what: string }) {
  const controller = useController();
  const { effects, effect, what } = props;
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
        <Button kind="link" onClick={() => controller.update({ pane: "heads" })}>
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
      {effects.baseTop !== null && effect.top !== null && (
        <div class="before-after">
          <Predictions title="with all heads" top={effects.baseTop} other={effect.top} />
          <Predictions title={`without ${effect.layer}.${effect.head}`} top={effect.top} other={effects.baseTop} />
        </div>
      )}
    </>
  );
}

export function Ablated(props: { readonly effects: AblateHeadsResult; readonly what: string }) {
  const controller = useController();
  const chosen = useApp((s) => s.view.chosenHead);
  const { effects } = props;
  const effect = effects.effects.find(({ layer, head }) => layer === chosen?.layer && head === chosen?.head);
  return (
    <article class="head-card">
      {effect === undefined ? (
        <h3>Choose a head in the map</h3>
      ) : (
        <Chosen effects={effects} effect={effect} what={props.what} />
      )}
      <h4>Largest changes</h4>
      <ul class="starts">
        {strongestOf(deltas(effects), MOST_LISTED).map(({ layer, head, value }) => (
          <li key={`${layer}:${head}`}>
            <Button kind="link" onClick={() => controller.update({ chosenHead: { layer, head }, headTopic: null })}>
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
