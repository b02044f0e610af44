/** What changes where a text is long. */
import type { LayerAttention } from "../logic/attention";

/** Texts of fewer tokens are read in the curves alone. */
const LONG = 60;

export function isLong(layer: Pick<LayerAttention, "nQueries" | "nKeys"> | null): boolean {
  return layer !== null && Math.max(layer.nQueries, layer.nKeys) >= LONG;
}
