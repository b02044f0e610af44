/** A pass over a text as something that can be made again: the text, the model, masked tokens, heads that are off. */
import type { Capture } from "../app";
import type { Host, RequestOptions } from "../host";
import type { AttendParams, AttendResult } from "../protocol";
import type { HeadAt, SharedView } from "../state";

export type Pass = Pick<SharedView, "input" | "label" | "model" | "mask" | "without" | "withoutMode"> &
  Partial<Pick<SharedView, "generate">>;

export function passOf({ input, label, model, mask, without, withoutMode, generate }: Pass): Pass {
  return { input, label, model, mask, without, withoutMode, generate };
}

/** The same for two passes that are the same, whatever they are called. */
export function passKey({ input, model, mask, without, withoutMode, generate = 0 }: Pass): string {
  return JSON.stringify([input, model, mask, without, without.length === 0 ? null : withoutMode, generate]);
}

/** The pass on show with its text and model written out, so that it stays the same when the view moves on. */
export function pinnable({ pass, text, model }: Pick<Capture, "pass" | "text" | "model">): Pass {
  const input = pass.input === null || "textDocument" in pass.input ? { text } : pass.input;
  return { ...passOf(pass), input, model: pass.model ?? model.id };
}

/** "5.9" or "heads 5.9, 5.10": as people call them. */
export function headNames(heads: readonly HeadAt[]): string {
  const names = heads.map(({ layer, head }) => `${layer}.${head}`).join(", ");
  return heads.length === 1 ? `head ${names}` : `heads ${names}`;
}

export interface ReadPass {
  readonly answer: AttendResult;
  /** The handle of the same text's pass with all heads on. */
  readonly whole: string;
}

/** Reads a text; with heads that are off, what is answered is the pass without them. `wanted` says what to answer. */
export async function readPass(
  host: Host,
  pass: Pass,
  wanted: AttendParams,
  options: RequestOptions,
): Promise<ReadPass> {
  const { input, model, mask, without, withoutMode: mode, generate = 0 } = pass;
  const params = {
    ...input,
    ...(model === null ? {} : { model }),
    ...(mask.length === 0 ? {} : { mask: [...mask] }),
    ...(generate === 0 ? {} : { generate }),
    ...wanted,
  };
  const first = await host.request("attend", params, options);
  if (without.length === 0) return { answer: first, whole: first.captureId };
  const off = { captureId: first.captureId, heads: [...without], mode, keep: true, topK: 0 };
  const { captureId } = await host.request("ablateHeads", off, options);
  const answer = await host.request("attend", { captureId, ...wanted }, options);
  return { answer, whole: first.captureId };
}
