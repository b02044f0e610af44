/** Tokens as people read them. */
import type { Token } from "../../../protocol";

/** Spaces of a token are seen. */
export function visible(token: string): string {
  return token.replace(/^[Ġ▁]/, "␣").replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("Ċ", "↵");
}

/** A token of a text: as in the text; special, masked and empty ones by their vocabulary form. */
export function tokenName(token: Token): string {
  return token.isSpecial || token.isMasked ? token.token : token.text.trim() || visible(token.token);
}
