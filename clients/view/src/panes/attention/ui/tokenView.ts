/** How rows of the picture read: state, description for screen readers. */
import { type Group, groupLabel } from "../../../logic/units";
import type { ChatMessage, Token } from "../../../protocol";
import { isUnknown } from "../logic/unknown";

/** True when the token continues the word of the one before it. */
export function continues(tokens: readonly Token[], index: number): boolean {
  const token = tokens[index];
  const before = tokens[index - 1];
  return (
    before !== undefined &&
    typeof token.word === "number" &&
    token.word === before.word &&
    token.segment === before.segment &&
    !token.isSpecial
  );
}

/** Everything known of a row, in one line; sub-words have the annotations of their word. */
export function describe(tokens: readonly Token[], group: Group): string {
  const token = tokens[group.tokens[0]];
  const parts = [token.pos, token.dep, token.entity].filter((part) => part !== null && part !== undefined);
  return [
    `“${groupLabel(tokens, group)}”`,
    ...parts,
    token.isMasked ? "masked" : "",
    group.tokens.some((i) => isUnknown(tokens[i])) ? "unknown to the model" : "",
    token.isSpecial ? "special" : "",
    token.generated === true ? "written by the model" : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** Who speaks from this token on, where a chat message or the model's own text begins; null elsewhere. */
export function turnAt(
  tokens: readonly Token[],
  index: number,
  messages: readonly ChatMessage[] | null,
): string | null {
  const token = tokens[index];
  const before = tokens[index - 1];
  if (token.generated === true) return before?.generated === true ? null : "model";
  if (messages === null || typeof token.message !== "number" || before?.message === token.message) return null;
  return messages[token.message].role;
}

/** Autoregressive models: tokens after the chosen one cannot be seen; the next one is what is predicted. */
export function temporal(row: number, focus: number | null, autoregressive: boolean): "" | "later" | "next" {
  if (!autoregressive || focus === null || row <= focus) return "";
  return row === focus + 1 ? "next" : "later";
}
