/** The text that is meant when nothing is selected: the sentence at the cursor. Offsets are UTF-16, as editors count. */

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The span without white space at its ends; empty at `start` when there is nothing else. */
export function trimSpan(text: string, span: Span): Span {
  const slice = text.slice(span.start, span.end);
  const body = slice.trim();
  if (body === "") return { start: span.start, end: span.start };
  const start = span.start + slice.indexOf(body);
  return { start, end: start + body.length };
}

function paragraphAround(text: string, offset: number): Span {
  let start = 0;
  let end = text.length;
  for (const gap of text.matchAll(/\r?\n[ \t]*(?:\r?\n[ \t]*)+/g)) {
    if (gap.index + gap[0].length <= offset) start = gap.index + gap[0].length;
    else if (gap.index >= offset) {
      end = gap.index;
      break;
    } else return { start: offset, end: offset };
  }
  return { start, end };
}

/**
 * The sentence around a UTF-16 offset: sentences end where Unicode says so, paragraphs at blank lines.
 * Between paragraphs there is none: the span is empty.
 */
export function sentenceAround(text: string, offset: number): Span {
  const paragraph = paragraphAround(text, offset);
  const body = text.slice(paragraph.start, paragraph.end);
  const segments = [...new Intl.Segmenter("en", { granularity: "sentence" }).segment(body)];
  let start = 0;
  for (const [index, { segment, index: at }] of segments.entries()) {
    const next = segments[index + 1]?.segment;
    if (next !== undefined && isWrapped(body.slice(start, at + segment.length), segment, next)) continue;
    const end = at + segment.length;
    if (offset - paragraph.start < end || next === undefined) {
      return trimSpan(text, { start: paragraph.start + start, end: paragraph.start + end });
    }
    start = end;
  }
  return { start: offset, end: offset };
}

const BLOCK_START = /^[ \t]*(?:[-*+>]|#{1,6}|\d+[.)])[ \t]/;
const HEADING = /^[ \t]*#{1,6}[ \t]/;

/** A line break ends a sentence for Unicode; hard-wrapped prose goes on, headings and list items do not. */
function isWrapped(sentence: string, segment: string, next: string): boolean {
  if (!/[^.!?…。！？:"'”’)\]\s][ \t]*\r?\n$/.test(segment)) return false;
  return !BLOCK_START.test(next) && !HEADING.test(sentence);
}
