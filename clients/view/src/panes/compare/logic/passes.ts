/** Pass A and pass B: what can be pinned, whether both are the same, and what they are called. */
import type { AppState, Capture } from "../../../app";
import { headNames, type Pass, passKey, pinnable } from "../../../control/passes";
import * as format from "../../../logic/format";
import type { Token } from "../../../protocol";

export function sameAsShown(pinned: Pass, capture: Capture): boolean {
  return passKey(pinned) === passKey(pinnable(capture));
}

/** A pass as people call it, in parts: its text, its model, and what was done to it. */
export interface PassName {
  readonly text: string;
  readonly model: string;
  readonly changes: readonly string[];
}

export function passName(pass: Pass, tokens: readonly Token[] | null): PassName {
  const { input, model, mask, without, withoutMode } = pass;
  const text = input !== null && "text" in input ? input.text : "";
  const pair = input !== null && "text" in input ? (input.textPair ?? "") : "";
  const masked = mask.map((i) => `“${tokens?.[i]?.text.trim() || `token ${i}`}”`).join(", ");
  return {
    text: pair === "" ? text : `${text} + ${pair}`,
    model: model === null ? "" : format.shortModel(model),
    changes: [
      ...(mask.length === 0 ? [] : [`masked: ${masked}`]),
      ...(without.length === 0
        ? []
        : [`without ${headNames(without)} (${withoutMode === "mean" ? "its mean" : "zero"})`]),
    ],
  };
}

/** Passes that are worth pinning for what is on show: the same without the mask, and with all heads. */
export function obviousPartners(capture: Capture): { readonly name: string; readonly pass: Pass }[] {
  const shown = pinnable(capture);
  return [
    ...(shown.mask.length === 0 ? [] : [{ name: "the text without the mask", pass: { ...shown, mask: [] } }]),
    ...(shown.without.length === 0 ? [] : [{ name: "the model with all heads", pass: { ...shown, without: [] } }]),
  ];
}

/** The head that the curves are of: the chosen one, or the one that differs most, or the one on show. */
export function shownHead(
  state: Pick<AppState, "comparison" | "capture"> & {
    readonly view: Pick<AppState["view"], "chosenHead" | "layer" | "heads">;
  },
): { readonly layer: number; readonly head: number } | null {
  const { comparison, capture, view } = state;
  if (capture === null) return null;
  const { nLayers, nHeads } = capture.model;
  const { chosenHead } = view;
  if (chosenHead !== null && chosenHead.layer < nLayers && chosenHead.head < nHeads) return chosenHead;
  if (comparison !== null && comparison.heads.length > 0) {
    const { layer, head } = comparison.heads.reduce((a, b) => (b.divergence > a.divergence ? b : a));
    return { layer, head };
  }
  return { layer: Math.min(view.layer, nLayers - 1), head: Math.min(view.heads?.[0] ?? 0, nHeads - 1) };
}
