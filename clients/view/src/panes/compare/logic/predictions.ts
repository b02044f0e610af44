/** What a pass expects at a place, in words. */
import * as format from "../../../logic/format";

/** “␣Paris 34 %” */
export function saidPrediction({
  token,
  probability,
}: {
  readonly token: string;
  readonly probability: number;
}): string {
  return `${token.replace(/^[Ġ▁ ]/, "␣")} ${format.percent(probability, probability < 0.1 ? 1 : 0)}`;
}
