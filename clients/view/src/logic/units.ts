/** What counts as one: a token, or the tokens of one word. What a unit is called, and which one a token belongs to. */
import type { Token } from "../protocol";

/** One row of the picture: a token, or the tokens of one word. `tokens` are indices, never empty. */
export interface Group {
  readonly tokens: readonly number[];
}

interface Wordly {
  readonly word?: number | null;
  readonly isSpecial: boolean;
  readonly segment: number;
}

export function eachTokenAlone(n: number): Group[] {
  return Array.from({ length: n }, (_, i) => ({ tokens: [i] }));
}

function isOfSameWord(one: Wordly | undefined, other: Wordly | undefined): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    typeof one.word === "number" &&
    one.word === other.word &&
    one.segment === other.segment &&
    !one.isSpecial &&
    !other.isSpecial
  );
}

/** Neighbors with the same word and segment make one group; special and unannotated tokens stand alone. */
export function groupByWord(tokens: readonly Wordly[]): Group[] {
  const groups: { tokens: number[] }[] = [];
  tokens.forEach((token, i) => {
    if (isOfSameWord(token, tokens[i - 1])) groups[groups.length - 1].tokens.push(i);
    else groups.push({ tokens: [i] });
  });
  return groups;
}

/** The group that holds a token; -1 if none does. */
export function groupOf(groups: readonly Group[], token: number): number {
  // where every token stands alone, no search is needed
  if (groups[token]?.tokens.length === 1 && groups[token].tokens[0] === token) return token;
  return groups.findIndex((group) => group.tokens.includes(token));
}

/** The unit that a token is shown in: its word where words are shown, else itself. */
export function unitAt(tokens: readonly Wordly[], at: number, words: boolean): Group {
  let [first, last] = [at, at];
  while (words && isOfSameWord(tokens[first], tokens[first - 1])) first--;
  while (words && isOfSameWord(tokens[last], tokens[last + 1])) last++;
  return { tokens: Array.from({ length: last - first + 1 }, (_, i) => first + i) };
}

/** What a token is called: as in the text; special and empty ones by their vocabulary form. */
export function tokenLabel(token: Token): string {
  if (token.isMasked) return token.token;
  const text = token.text.replace(/\n/g, "⏎").replace(/\t/g, "⇥");
  return token.isSpecial || text.trim() === ""
    ? text === "" || token.isSpecial
      ? token.token
      : text.replaceAll(" ", "␣")
    : text.trim();
}

export function groupLabel(tokens: readonly Token[], group: Group): string {
  return group.tokens.map((i) => tokenLabel(tokens[i])).join("");
}
