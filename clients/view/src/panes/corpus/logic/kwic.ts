/** A hit's sentence as pieces to draw: tokens and the text between them, split at the match. */
import type { Hit } from "../../../protocol";

/** `token` indexes the hit's tokens; null for text that no token covers (spaces, mostly). */
export interface Piece {
  readonly text: string;
  readonly token: number | null;
}

export interface Kwic {
  readonly left: readonly Piece[];
  readonly match: readonly Piece[];
  readonly right: readonly Piece[];
}

/** Cuts the sentence at token borders. Special tokens cover no characters and give no piece. */
export function sentencePieces(hit: Hit): Piece[] {
  const text = hit.sentence.text;
  const pieces: Piece[] = [];
  let at = 0;
  hit.tokens.forEach((token, index) => {
    if (token.isSpecial) return;
    const start = Math.max(at, token.start);
    const end = Math.max(start, token.end);
    if (start > at) pieces.push({ text: text.slice(at, start), token: null });
    if (end > start) pieces.push({ text: text.slice(start, end), token: index });
    at = end;
  });
  if (at < text.length) pieces.push({ text: text.slice(at), token: null });
  return pieces;
}

const oneLine = (piece: Piece): Piece => ({ ...piece, text: piece.text.replace(/\s+/g, " ") });

/** The concordance line. The match is one piece, never cut. Line breaks become spaces here, only here. */
export function kwic(hit: Hit): Kwic {
  const pieces = sentencePieces(hit).map(oneLine);
  const at = pieces.findIndex((piece) => piece.token === hit.match);
  if (at < 0) return { left: pieces, match: [], right: [] };
  return { left: pieces.slice(0, at), match: [pieces[at]], right: pieces.slice(at + 1) };
}

/** Share (0..1) of ink for a token's background: its attention relative to the strongest in the row. */
export function shading(hit: Hit, direction: "outgoing" | "incoming"): Float32Array {
  const row = hit.attention[direction];
  let most = 0;
  hit.tokens.forEach((token, i) => {
    if (!token.isSpecial && row[i] > most) most = row[i];
  });
  return Float32Array.from(hit.tokens, (token, i) => (token.isSpecial || most === 0 ? 0 : row[i] / most));
}
