/** The sum: the largest parts as steps from zero to the total, pairs of tokens, and what hidden states predict. */
import type { DecomposeResult } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { sumRange } from "../draw/sumSvg";
import { MOST_PARTS, plainly, type SumStep, signed, sumSteps } from "../logic/effects";
import { Lens } from "./Lens";
import { Pairs } from "./Pairs";

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
  const [low, high] = sumRange(steps);
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

export function Parts(props: { readonly decomposition: DecomposeResult }) {
  const { tokenPairs } = props.decomposition;
  return (
    <article class="head-card">
      {tokenPairs !== null && <Pairs pairs={tokenPairs} />}
      <Sum decomposition={props.decomposition} />
      <Lens lens={props.decomposition.lens} />
      <p class="legend">
        What a part adds and what is missing without it are different questions: later layers read what it adds, too.
      </p>
    </article>
  );
}
