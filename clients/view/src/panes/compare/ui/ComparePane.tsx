/** Two passes and how they differ: a map of heads, hidden states, the curves of one head, and predictions. */
import { useMemo } from "preact/hooks";
import type { Capture } from "../../../app";
import type { Pass } from "../../../control/passes";
import { inkOf } from "../../../draw/ink";
import type { HostError } from "../../../host";
import * as format from "../../../logic/format";
import { type CompareCapturesResult, ERROR_CODES } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { HeadMap } from "../../../ui/HeadMap";
import { Matrix } from "../../../ui/Matrix";
import { Busy, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { namesOf, pinShown } from "../actions";
import { differenceSentences, divergenceCells, divergenceLegend, turnLegend, turnMatrix } from "../logic/differences";
import { passName, sameAsShown, shownHead } from "../logic/passes";
import { saidPrediction } from "../logic/predictions";
import { Curves } from "./Curves";
import { Partners, Passes } from "./Passes";

const METHOD_NOT_FOUND = -32601;

function NothingPinned(props: { readonly capture: Capture }) {
  const controller = useController();
  return (
    <Empty title="Pin one pass, then look at another">
      <p>
        Pin what is shown now as A. Then mask a token, switch a head off, choose another model or explore another text:
        that is B. Here you see what differs.
      </p>
      <div class="actions">
        <Button kind="primary" onClick={() => pinShown(controller)}>
          Pin this text as A
        </Button>
        <Partners capture={props.capture} />
      </div>
    </Empty>
  );
}

function SamePass() {
  const controller = useController();
  const masks = controller.maskRefusal() === null;
  return (
    <Empty title="A and B are the same pass">
      <p>
        Now change what is shown: {masks && "double-click a token in the attention picture to mask it, "}switch a head
        off in the Effect pane, choose another model, or explore another text.
      </p>
      <div class="actions">
        <Button onClick={() => controller.update({ pane: "attention" })}>Show the tokens</Button>
        <Button onClick={() => controller.update({ pane: "effect" })}>Choose a head to switch off</Button>
      </div>
    </Empty>
  );
}

/** Other tokens: what can be compared instead. */
function OtherTokens(props: { readonly error: HostError; readonly pinned: Pass; readonly drawn: boolean }) {
  const controller = useController();
  const { error, pinned, drawn } = props;
  const other = passName(pinned, null).text;
  return (
    <div class="failed" role="alert">
      <p class="failed-message">
        <span aria-hidden="true">⚠ </span>A and B are not passes over the same tokens
      </p>
      <p class="failed-hint">
        {format.sentence(error.message.replace(/^captureIds: /, ""))} Heads and hidden states are compared token by
        token, so only masked tokens may differ.
        {drawn && " Both have as many tokens, though: the curves of one head are drawn place by place."}
      </p>
      <div class="actions">
        <Button onClick={() => controller.update({ effectAgainst: other, effectOf: "parts", pane: "effect" })}>
          See how alike the two texts are
        </Button>
        <Button onClick={() => controller.show(pinned)}>Go back to A</Button>
      </div>
    </div>
  );
}

function Predictions(props: { readonly comparison: CompareCapturesResult; readonly names: readonly string[] }) {
  const { comparison, names } = props;
  const hasLmHead = useApp((s) => s.capture?.model.hasLmHead === true);
  if (!hasLmHead) return null;
  if (comparison.predictions.length === 0)
    return <p class="muted">The likeliest token is the same in both at every place.</p>;
  return (
    <>
      <h3>Predictions that change</h3>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">at</th>
            <th scope="col">A expects</th>
            <th scope="col">B expects</th>
          </tr>
        </thead>
        <tbody>
          {comparison.predictions.map(({ token, before, after }) => (
            <tr key={token}>
              <th scope="row">{names[token] ?? token}</th>
              <td>{saidPrediction(before)}</td>
              <td>{saidPrediction(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Compared(props: { readonly comparison: CompareCapturesResult }) {
  const controller = useController();
  const { comparison } = props;
  const { theme, pinned, capture } = useApp((s) => ({
    theme: s.theme,
    pinned: s.pinnedCapture,
    capture: s.capture,
  }));
  const at = useApp((s) => shownHead(s));
  const names = useMemo(() => namesOf({ pinnedCapture: pinned, capture }), [pinned, capture]);
  const ink = inkOf(theme);
  const cells = useMemo(() => divergenceCells(comparison, ink), [comparison, ink]);
  const states = useMemo(() => turnMatrix(comparison, names, ink), [comparison, names, ink]);
  return (
    <div class="atlas comparison">
      <div class="atlas-map">
        <ul class="findings">
          {differenceSentences(comparison, names).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
        <h3>
          Attention of each head <span class="muted">rows are layers, columns are heads</span>
        </h3>
        <HeadMap
          label="How far the attention of each head differs"
          cells={cells}
          chosen={at}
          onChoose={(chosenHead) => controller.update({ chosenHead, headTopic: null })}
        />
        <p class="legend">{divergenceLegend(comparison)}</p>
        <h3>
          Hidden states <span class="muted">of each token</span>
        </h3>
        <Matrix label="How alike the hidden states of A and B are" data={states} />
        <p class="legend">{turnLegend(comparison)}</p>
      </div>
      <article class="head-card">
        <Curves />
        <Predictions comparison={comparison} names={names} />
        <p class="legend">
          Attention that differs need not matter for the result, and the same attention can carry other values. The
          Effect pane measures what a head does to the result.
        </p>
      </article>
    </div>
  );
}

function Content(props: { readonly capture: Capture; readonly pinned: Pass }) {
  const controller = useController();
  const { capture, pinned } = props;
  const { comparison, comparing, pair } = useApp((s) => ({
    comparison: s.comparison,
    comparing: s.comparingPasses,
    pair: s.headPair,
  }));
  if (sameAsShown(pinned, capture)) return <SamePass />;
  if (isBusy(comparing))
    return <Busy what="Comparing …" progress={comparing.progress} onCancel={() => controller.parts.compare.cancel()} />;
  if (isFailed(comparing) && comparing.error.code === METHOD_NOT_FOUND)
    return (
      <Empty title="This server does not compare passes">
        <p>It is older than this view. Update the Python package exbert-rpc.</p>
      </Empty>
    );
  if (isFailed(comparing) && comparing.error.code === ERROR_CODES.invalidParams)
    return (
      <>
        <OtherTokens error={comparing.error} pinned={pinned} drawn={pair !== null} />
        {pair !== null && (
          <article class="head-card">
            <Curves />
          </article>
        )}
      </>
    );
  if (isFailed(comparing)) return <Failed error={comparing.error} onRetry={() => controller.parts.compare.retry()} />;
  if (comparison !== null) return <Compared comparison={comparison} />;
  return (
    <Empty title="Not compared">
      <Button onClick={() => controller.parts.compare.retry()}>Compare now</Button>
    </Empty>
  );
}

export function ComparePane() {
  const controller = useController();
  const { capture, attend, pinned } = useApp((s) => ({
    capture: s.capture,
    attend: s.attend,
    pinned: s.view.compareWith,
  }));
  return (
    <section class="pane compare-pane" aria-labelledby="exbert-compare">
      <div class="pane-head">
        <h2 id="exbert-compare">What changes from A to B?</h2>
        <span class="muted">A is pinned; B is what the view shows</span>
      </div>
      {isBusy(attend) && <Busy what="Reading the text …" progress={attend.progress} />}
      {isFailed(attend) && <Failed error={attend.error} onRetry={() => void controller.reload()} />}
      {capture === null && attend.phase === "idle" && (
        <Empty title="No text yet">
          <p>Select a text in the editor. Then pin it here, and compare it with another.</p>
        </Empty>
      )}
      {capture !== null && pinned === null && <NothingPinned capture={capture} />}
      {capture !== null && pinned !== null && (
        <>
          <Passes capture={capture} />
          <Content capture={capture} pinned={pinned} />
        </>
      )}
    </section>
  );
}
