/** Messages to persons: pure functions from what happened to a sentence. */
import type { ExperimentalCapability } from "#protocol";
import { RpcError } from "#shared/rpc";
import { withHint } from "#shared/sentences";
import type { Progress, ServerEvent } from "#view";

/** Share of the work, 0..1, as notifications want it. */
export function fraction({ percentage }: Progress): number | undefined {
  return percentage === undefined ? undefined : Math.min(1, Math.max(0, percentage / 100));
}

/** An error's message with its hint. */
export function failure(what: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof RpcError ? (error.data?.hint ?? "") : "";
  return withHint(`${what}: ${message}`, hint);
}

const MARKS: Readonly<Record<ServerEvent["kind"], string>> = {
  starting: "…",
  ready: "",
  restarted: "",
  crashed: "⚠",
  missing: "⚠",
};
const WORDS: Readonly<Record<ServerEvent["kind"], string>> = {
  starting: "starting",
  ready: "",
  restarted: "",
  crashed: "server stopped",
  missing: "not installed",
};

/** What the item says; `title` is its tooltip. */
export function statusText(
  event: ServerEvent,
  info: ExperimentalCapability | null,
  used: boolean,
): { text: string; title: string } {
  if (!used) {
    return { text: "exBERT", title: "exBERT: click to open its panel" };
  }
  const well = event.kind === "ready" || event.kind === "restarted";
  if (well && info !== null) {
    const name = info.defaultModel.split(/[\\/]/).pop();
    const title = event.message ?? `exBERT: ${info.defaultModel} on ${info.device}`;
    return { text: `exBERT: ${name || "ready"}`, title };
  }
  const text = ["exBERT", WORDS[event.kind], MARKS[event.kind]].filter((part) => part !== "").join(" ");
  return { text, title: event.message ?? text };
}
