/** What must be known of all that is on show, above the panes. */
import { isStale } from "../app";
import { headNames } from "../control/passes";
import * as format from "../logic/format";
import { useApp, useController } from "./context";
import { Button } from "./controls";

/** The text was read with heads that are off. */
export function WithoutBar() {
  const controller = useController();
  const { without, mode } = useApp((s) => ({ without: s.view.without, mode: s.view.withoutMode }));
  if (without.length === 0) return null;
  const one = without.length === 1;
  const gives =
    mode === "mean"
      ? `${one ? "gives its mean" : "give their means"} instead`
      : `${one ? "gives" : "give"} zero instead`;
  const name = headNames(without);
  return (
    <div class="frame-note" role="status">
      <span>
        <b>{name.charAt(0).toUpperCase() + name.slice(1)}</b> {gives} of {one ? "its output" : "their outputs"}. All
        that is shown is of the model without {one ? "it" : "them"}.
      </span>
      <Button onClick={() => controller.setWithout([], mode)}>Switch {one ? "it" : "them"} on again</Button>
    </div>
  );
}

/** Choices that did not apply, and what was done instead. */
export function Fallbacks() {
  const { store } = useController();
  const fallbacks = useApp((s) => s.fallbacks);
  if (fallbacks.length === 0) return null;
  return (
    <div class="frame-note" role="status">
      <span>{fallbacks.join(" ")}</span>
      <Button kind="link" onClick={() => store.set({ fallbacks: [] })}>
        dismiss
      </Button>
    </div>
  );
}

/** Whose the dimmed pictures are, until those that were asked for are there. */
export function StaleNote() {
  const { stale, capture } = useApp((s) => ({ stale: isStale(s), capture: s.capture }));
  if (!stale || capture === null) return null;
  return (
    <div class="frame-note" role="status">
      <span>
        Still shown, dimmed: “{format.shortened(capture.text)}”, read by {format.shortModel(capture.model.id)}
        {capture.pass.mask.length > 0 && " with masked tokens"}
        {capture.pass.without.length > 0 && ` without ${headNames(capture.pass.without)}`}.
      </span>
    </div>
  );
}
