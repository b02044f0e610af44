/** Why a picture has no curves, and which choices would bring some back. */
import type { AttentionView } from "../state";
import type { Picture } from "./picture";

export interface Emptiness {
  readonly cause: string;
  /** What the button says. */
  readonly reset: string;
  readonly change: Partial<AttentionView> | { readonly heads: null };
}

export function emptinessOf(
  picture: Pick<Picture, "chosen" | "edges">,
  view: Pick<AttentionView, "topPercent" | "segments" | "hideSpecial" | "hideFirst">,
): Emptiness | null {
  if (picture.edges.maxWeight > 0) return null;
  if (picture.chosen.length === 0)
    return { cause: "No head is selected, so no curve is drawn.", reset: "Select all heads", change: { heads: null } };
  if (view.topPercent === 0)
    return { cause: "The top 0 % of attention are no curves.", reset: "Show the top 70 %", change: { topPercent: 70 } };
  if (view.segments !== "all")
    return {
      cause: "Nothing is left of the attention between these segments.",
      reset: "Show all segments",
      change: { segments: "all" },
    };
  const hidden = [view.hideSpecial ? "special tokens" : "", view.hideFirst ? "the first token" : ""].filter(Boolean);
  if (hidden.length === 0) return { cause: "There is no attention to draw.", reset: "", change: {} };
  return {
    cause: `All attention goes to what is hidden: ${hidden.join(" and ")}.`,
    reset: `Show ${hidden.join(" and ")}`,
    change: { hideSpecial: false, hideFirst: false },
  };
}
