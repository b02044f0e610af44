/** One layer of a text whose attention is too large for one answer: some heads at a time. */
import { type Capture, sides } from "../../app";
import { decodeTensor } from "../../logic/tensor";
import type { AttendResult } from "../../protocol";
import type { Stack } from "../../state";
import type { LayerAttention } from "./logic/attention";

/** Weights in one answer: bytes as base64 stay below what a server sends by default (48 MiB). */
const IN_ONE_ANSWER = 30_000_000;
/** Weights that are held of one layer: 256 MB as floats. */
const MOST_HELD = 64_000_000;

/** The tensor of one stack. */
export function tensorOf(answer: AttendResult, stack: Stack) {
  if (stack === "encoder") return answer.attention;
  return stack === "decoder" ? answer.decoderAttention : answer.crossAttention;
}

/** Whether all heads of a layer come in one answer. */
export function fitsOneAnswer(nHeads: number, nQueries: number, nKeys: number): boolean {
  return nHeads * nQueries * nKeys <= IN_ONE_ANSWER;
}

/** Whether all layers are fetched for the pictures of all heads. */
export function hasOverview(capture: Capture, stack: Stack): boolean {
  const { left, right } = sides(capture, stack);
  return fitsOneAnswer(capture.model.nHeads, left.length, right.length);
}

/** The heads to hold: the chosen ones first, then as many others as there is room for; ascending. */
export function headsToHold(
  nHeads: number,
  nQueries: number,
  nKeys: number,
  chosen: readonly number[] | null,
): readonly number[] {
  const room = Math.max(1, Math.floor(MOST_HELD / (nQueries * nKeys)));
  const first = (chosen ?? []).filter((head) => head < nHeads);
  const others = Array.from({ length: nHeads }, (_, i) => i).filter((head) => !first.includes(head));
  return [...first, ...others].slice(0, room).sort((a, b) => a - b);
}

/** Whether a head is chosen that is not held. */
export function lacks(held: LayerAttention, chosen: readonly number[] | null): boolean {
  return chosen?.some((head) => !held.heads.includes(head)) === true;
}

/** Asks for `heads` a few at a time, and joins the answers. `ask` gives the tensor's stack. */
export async function inParts(
  heads: readonly number[],
  shape: readonly [nQueries: number, nKeys: number],
  stack: Stack,
  ask: (heads: number[]) => Promise<AttendResult>,
): Promise<LayerAttention> {
  const [nQueries, nKeys] = shape;
  const size = nQueries * nKeys;
  const atOnce = Math.max(1, Math.floor(IN_ONE_ANSWER / size));
  const values = new Float32Array(heads.length * size);
  for (let at = 0; at < heads.length; at += atOnce) {
    const tensor = tensorOf(await ask(heads.slice(at, at + atOnce)), stack);
    if (tensor !== null && tensor !== undefined) values.set(decodeTensor(tensor).values, at * size);
  }
  return { heads, nQueries, nKeys, values };
}
