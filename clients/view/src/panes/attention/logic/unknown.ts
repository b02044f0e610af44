/** Parts of a text that the model cannot read: tokens outside of its vocabulary, characters that no token covers. */
import * as format from "../../../logic/format";

interface Covering {
  readonly token: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly segment: number;
  readonly isSpecial: boolean;
  readonly isMasked: boolean;
}

const UNKNOWN = /^(\[UNK\]|<unk>|<\|unk\|>|<UNK>)$/;

export function isUnknown(token: Pick<Covering, "token" | "isMasked">): boolean {
  return !token.isMasked && UNKNOWN.test(token.token);
}

/** Characters other than spaces that no token of the first segment covers, as they stand in the text. */
export function droppedPieces(tokens: readonly Covering[], text: string): string[] {
  const own = tokens.filter(({ segment, start, end }) => segment === 0 && end > start);
  if (own.length === 0) return [];
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end } of [...own, { start: text.length, end: text.length }]) {
    pieces.push(...(text.slice(at, Math.max(at, start)).match(/\S+/g) ?? []));
    at = Math.max(at, end);
  }
  return pieces;
}

const MOST_NAMED = 5;

function named(pieces: readonly string[]): string {
  const shown = [...new Set(pieces)].slice(0, MOST_NAMED).map((piece) => `“${format.shortened(piece, 20)}”`);
  return shown.join(", ") + (new Set(pieces).size > MOST_NAMED ? " …" : "");
}

/** Whether the server's notes say it already, as servers since 1.1 do. */
export function saysUnread(notes: readonly string[]): boolean {
  return notes.some((note) => /not in the model's vocabulary|the tokenizer drops/.test(note));
}

/** One note on what the model did not read; null where it read all. */
export function unknownNote(tokens: readonly Covering[], text: string): string | null {
  const unknown = tokens.filter(isUnknown).map((token) => token.text);
  const dropped = droppedPieces(tokens, text);
  const parts = [
    ...(unknown.length === 0
      ? []
      : [
          `${named(unknown)} ${unknown.length === 1 ? "is" : "are"} not in the model's vocabulary (marked ?): it reads one and the same token for all such words.`,
        ]),
    ...(dropped.length === 0 ? [] : [`Its tokenizer drops ${named(dropped)}: the model does not see them.`]),
  ];
  return parts.length === 0 ? null : parts.join(" ");
}
