/** The sum: the largest parts as steps from zero to the total, and what each hidden state would predict. */
import * as format from "../../../logic/format";
import type { DecomposeResult, LensLayer } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { plainly, type SumStep, signed, sumSteps } from "../logic/effects";

const MOST_PARTS = 14;

function Step(props: { readonly step: SumStep; readonly low: number; readonly high: number }) {
  const controller = useController();
  const chosen = useApp((s) => s.view.chosenHead);
  const { step, low, high } = props;
  const at = (value: number) => (100 * (value - low)) / (high - low);
  const [left, right] = [
    at(Math.min(step.from, step.from + step.value)),
    at(Math.max(step.from, step.from + step.value)),
  ];
  const on = step.at !== null && step.at.layer === chosen?.layer && step.at.head === chosen.head;
  return (
    <li class={`sum-step${on ? " on" : ""}`}>
      <span class="bar-label">
        {step.at === null ? (
          step.name
        ) : (
          <Button kind="link" onClick={() => controller.update({ chosenHead: step.at, headTopic: null })}>
            {step.name}
          </Button>
        )}
      </span>
      <span class="bar-track" aria-hidden="true">
        <span
          class={`step-bar${step.value < 0 ? " below" : ""}`}
          style={{ left: `${left}%`, width: `${Math.max(0.4, right - left)}%` }}
        />
        <span class="zero" style={{ left: `${at(0)}%` }} />
      </span>
      <span class="role-numbers">{signed(step.value, 3)}</span>
    </li>
  );
}

function Sum(props: { readonly decomposition: DecomposeResult }) {
  const { decomposition } = props;
  const steps = sumSteps(decomposition, MOST_PARTS);
  const reached = [0, ...steps.map(({ from, value }) => from + value)];
  const [low, high] = [Math.min(...reached), Math.max(...reached, Math.min(...reached) + 1e-9)];
  return (
    <>
      <h3>
        The parts add up to {plainly(decomposition.total)}{" "}
        <span class="muted">largest first; each begins where the one before ends</span>
      </h3>
      <ul class="sum">
        {steps.map((step) => (
          <Step key={step.name} step={step} low={low} high={high} />
        ))}
      </ul>
    </>
  );
}

function Lens(props: { readonly lens: readonly LensLayer[] }) {
  const { lens } = props;
  if (lens.length === 0) return null;
  return (
    <>
      <h3>
        What each hidden state would predict{" "}
        <span class="muted">through the final norm and the language-model head</span>
      </h3>
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
          {lens.map(({ hiddenLayer, targetRank, targetProbability, top }) => (
            <tr key={hiddenLayer} class={targetRank === 1 ? "first-rank" : ""}>
              <th scope="row">{hiddenLayer}</th>
              <td>{targetRank.toLocaleString("en")}</td>
              <td>{format.percent(targetProbability, 1)}</td>
              <td>{top.map(({ token, probability }) => `${token} ${format.percent(probability)}`).join(" · ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function Parts(props: { readonly decomposition: DecomposeResult }) {
  return (
    <article class="head-card">
      <Sum decomposition={props.decomposition} />
      <Lens lens={props.decomposition.lens} />
      <p class="legend">
        What a part adds and what is missing without it are different questions: later layers read what it adds, too.
      </p>
    </article>
  );
}
