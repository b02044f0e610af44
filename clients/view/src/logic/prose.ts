/** Markdown without its markup: what a person reads, and where each character of it stands in the source. */
import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";

/** A stretch of the prose and the stretch of the source that it stands for. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly sourceStart: number;
  readonly sourceEnd: number;
}

export interface Prose {
  readonly text: string;
  /** Ascending; characters between pieces (line breaks between blocks) have no source of their own. */
  readonly pieces: readonly Piece[];
}

const BLOCKS: ReadonlySet<string> = new Set([
  "paragraph",
  "heading",
  "code",
  "listItem",
  "blockquote",
  "thematicBreak",
]);

/** The text of headings, paragraphs, items and code; not that of HTML, images and targets of links. */
export function proseOf(markdown: string): Prose {
  const made: { text: string; pieces: Piece[] } = { text: "", pieces: [] };
  const visit = (node: Nodes): void => {
    if (BLOCKS.has(node.type) && made.text !== "" && !made.text.endsWith("\n")) made.text += "\n";
    if (node.type === "break") made.text += "\n";
    else if (node.type === "text" || node.type === "inlineCode" || node.type === "code") take(made, node, markdown);
    else if ("children" in node) for (const child of node.children) visit(child);
  };
  visit(fromMarkdown(markdown));
  return made;
}

function take(
  made: { text: string; pieces: Piece[] },
  node: Extract<Nodes, { value: string }>,
  markdown: string,
): void {
  const from = node.position?.start.offset;
  const to = node.position?.end.offset;
  if (from === undefined || to === undefined || node.value === "") return;
  for (const piece of aligned(node.value, markdown.slice(from, to))) {
    made.pieces.push({
      start: made.text.length + piece.start,
      end: made.text.length + piece.end,
      sourceStart: from + piece.sourceStart,
      sourceEnd: from + piece.sourceEnd,
    });
  }
  made.text += node.value;
}

/** Equal stretches, in order; what is written otherwise in the source (an escape, an entity) stands for all of that. */
function aligned(value: string, source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let sourceAt = Math.max(0, source.indexOf(value));
  while (at < value.length && sourceAt < source.length) {
    let length = 0;
    while (
      at + length < value.length &&
      value[at + length] === source[sourceAt + length] &&
      !isEscape(source, sourceAt + length)
    )
      length++;
    if (length > 0) pieces.push({ start: at, end: at + length, sourceStart: sourceAt, sourceEnd: sourceAt + length });
    at += length;
    sourceAt += length;
    if (at >= value.length) break;
    const written =
      /^(\\(?=[!-/:-@[-`{-~])|&#?\w{1,31};|[ \t]*>?[ \t]*|[\s\S])/.exec(source.slice(sourceAt))?.[0] ?? "";
    const skipped = Math.max(1, written.length);
    // an entity is one character (or two halves of one) of the text; anything else is not in it
    if (written.startsWith("&")) {
      const wide = (value.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      pieces.push({ start: at, end: at + wide, sourceStart: sourceAt, sourceEnd: sourceAt + skipped });
      at += wide;
    }
    sourceAt += skipped;
  }
  return pieces;
}

function isEscape(source: string, at: number): boolean {
  return (
    (source[at] === "\\" && /[!-/:-@[-`{-~]/.test(source[at + 1] ?? "")) ||
    (source[at] === "&" && /^&#?\w{1,31};/.test(source.slice(at, at + 34)))
  );
}

/** The source's stretch of a stretch of the prose, both ends included; null where there is none. */
export function sourceRange({ pieces }: Prose, start: number, end: number): { start: number; end: number } | null {
  const touching = pieces.filter((piece) => piece.end > start && piece.start < end);
  if (touching.length === 0) return null;
  const [first, last] = [touching[0], touching[touching.length - 1]];
  const isPlain = (piece: Piece) => piece.end - piece.start === piece.sourceEnd - piece.sourceStart;
  return {
    start: isPlain(first) ? first.sourceStart + Math.max(0, start - first.start) : first.sourceStart,
    end: isPlain(last) ? last.sourceEnd - Math.max(0, last.end - end) : last.sourceEnd,
  };
}
