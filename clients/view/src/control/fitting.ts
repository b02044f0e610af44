/** What is left of a choice when another model is read, and how to say what was done about the rest. */
import * as format from "../logic/format";

export interface FittingHeads {
  readonly heads: readonly number[] | null;
  /** A sentence where the choice could not be kept; null where it was. */
  readonly fallback: string | null;
}

/** The chosen heads that a model of `nHeads` has; all heads where none of them is left. */
export function fittingHeads(chosen: readonly number[] | null, nHeads: number): FittingHeads {
  if (chosen === null || chosen.length === 0) return { heads: chosen, fallback: null };
  const heads = chosen.filter((head) => head < nHeads);
  if (heads.length === chosen.length) return { heads: chosen, fallback: null };
  const gone = chosen.filter((head) => head >= nHeads);
  const name = `${gone.length === 1 ? "head" : "heads"} ${format.ranges(gone)}`;
  const which = `This model has ${nHeads} heads a layer and no ${name}.`;
  return heads.length === 0
    ? { heads: null, fallback: `${which} All heads are shown.` }
    : { heads, fallback: `${which} The other chosen heads are shown.` };
}

export interface FittingLayer {
  readonly layer: number;
  readonly fallback: string | null;
}

/** The chosen layer, or the nearest that attends. A shallower model's last layer needs no word; a layer without heads does. */
export function fittingLayer(chosen: number, attending: readonly number[]): FittingLayer {
  if (attending.length === 0 || attending.includes(chosen)) return { layer: chosen, fallback: null };
  const layer = attending.reduce((a, b) => (Math.abs(b - chosen) < Math.abs(a - chosen) ? b : a));
  return chosen > attending[attending.length - 1]
    ? { layer, fallback: null }
    : { layer, fallback: `Layer ${chosen} of this model has no attention. Layer ${layer} is shown.` };
}
