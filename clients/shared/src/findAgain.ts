/** Where a hit stands now: its document may have changed since it was indexed. Offsets are UTF-16, as editors count. */

/** What was indexed: a sentence, and the part of it that a hit is about. */
export interface Expected {
  readonly text: string;
  /** The part, as offsets into `text`. */
  readonly start: number;
  readonly end: number;
  /** Whether the document is known to differ from what was indexed. */
  readonly changed: boolean;
}

/**
 * The part of the sentence, found again: where it was, elsewhere, or nowhere. A text of which nothing is known that
 * speaks against it is `unchanged`: of files of records, web pages and the like, the sentence is not there to the letter.
 */
export type Found =
  | { readonly kind: "same" | "moved"; readonly start: number; readonly end: number }
  | { readonly kind: "unchanged" }
  | { readonly kind: "gone" };

/** The place of the part that is nearest to `near`, where it was when the document was indexed. */
export function findAgain(document: string, near: number, expected: Expected): Found {
  const places = placesOf(document, expected);
  const [nearest] = [...places].sort((a, b) => Math.abs(a.start - near) - Math.abs(b.start - near));
  if (nearest !== undefined) return { kind: nearest.start === near ? "same" : "moved", ...nearest };
  return { kind: expected.changed ? "gone" : "unchanged" };
}

export interface CellFound {
  readonly cell: number;
  readonly found: Found;
}

/** The same among the cells of a notebook, of which some may be new, moved or gone: the nearest cell that has it. */
export function findInCells(cells: readonly string[], cell: number, near: number, expected: Expected): CellFound {
  const order = cells.map((_, i) => i).sort((a, b) => Math.abs(a - cell) - Math.abs(b - cell));
  for (const candidate of order) {
    const found = findAgain(cells[candidate] ?? "", candidate === cell ? near : 0, { ...expected, changed: true });
    if (found.kind === "same" || found.kind === "moved")
      return { cell: candidate, found: candidate === cell ? found : { ...found, kind: "moved" } };
  }
  return { cell, found: { kind: expected.changed ? "gone" : "unchanged" } };
}

function placesOf(document: string, { text, start, end }: Expected): { start: number; end: number }[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return [];
  // line breaks differ between editors and files, and wrapping a line anew leaves the sentence what it is
  const pattern = new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("\\s+"), "g");
  const [from, to] = [inkBefore(text, start), inkBefore(text, end)];
  return [...document.matchAll(pattern)].map((match) => ({
    start: match.index + afterInk(match[0], from, false),
    end: match.index + afterInk(match[0], to, true),
  }));
}

/** How many characters that are no white space stand before an offset. */
function inkBefore(text: string, offset: number): number {
  return text.slice(0, offset).replace(/\s/g, "").length;
}

/** The offset behind so many characters; before the next one where that is where something begins. */
function afterInk(text: string, count: number, isEnd: boolean): number {
  let left = count;
  for (let at = 0; at < text.length; at++) {
    if (/\s/.test(text[at] ?? "")) continue;
    if (left === 0) return at;
    left--;
    if (left === 0 && isEnd) return at + 1;
  }
  return text.length;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The place of each span of `text` in a document that has the text; null where it has it no longer. */
export function findSpans<S extends Span>(
  document: string,
  near: number,
  text: string,
  spans: readonly S[],
): S[] | null {
  const found = findAgain(document, near, { text, start: 0, end: text.length, changed: true });
  if (!("start" in found)) return null;
  const slice = document.slice(found.start, found.end);
  // a text that was sent with white space at its ends begins before its first word
  const lead = text.length - text.trimStart().length;
  const shift = found.start - lead;
  if (slice === text.trim())
    return spans.map((span) => ({ ...span, start: span.start + shift, end: span.end + shift }));
  return spans.map((span) => ({
    ...span,
    start: found.start + afterInk(slice, inkBefore(text, span.start), false),
    end: found.start + afterInk(slice, inkBefore(text, span.end), true),
  }));
}
