/** What is selected in one editor. */
import type { CodeEditor } from "@jupyterlab/codeeditor";
import { sentenceAround } from "#shared/sentenceAround";

/** A text to explore, and the name that people know it by. */
export interface Selection {
  readonly text: string;
  /** The second segment of a pair. */
  readonly textPair?: string;
  readonly label: string;
  /** Whether it is Markdown; absent: by the ending of the label. */
  readonly isMarkdown?: boolean;
}

type Range = Pick<CodeEditor.ITextSelection, "start" | "end">;

/** The parts of an editor that are read here. */
export type ReadableEditor = Pick<CodeEditor.IEditor, "getOffsetAt"> & {
  getSelections(): readonly Range[];
  readonly model: { readonly sharedModel: { getSource(): string } };
  /** CodeMirror's: selections are sorted by place, and this one was made last. */
  readonly state?: { readonly selection: { readonly mainIndex: number } };
};

/** The selected text of an editor, whichever way it was dragged, or two as a pair; else the sentence at the cursor if that is wanted. */
export function fromEditor(editor: ReadableEditor, name: string, sentence: boolean): Selection | null {
  const all = editor.getSelections();
  const chosen = all.filter((range) => textOf(editor, range) !== "");
  if (chosen.length === 2) {
    const isFirstMadeLast = all[editor.state?.selection.mainIndex ?? -1] === chosen[0];
    return pairOf(editor, name, isFirstMadeLast ? [chosen[1], chosen[0]] : [chosen[0], chosen[1]]);
  }
  const range = chosen[0] ?? all[0];
  const label = `${name}:${lineOf(range) + 1}`;
  const text = textOf(editor, range);
  if (text.trim() !== "") {
    return { text, label };
  }
  return sentence ? sentenceAt(editor, name, range.start) : null;
}

function sentenceAt(editor: ReadableEditor, name: string, cursor: CodeEditor.IPosition): Selection | null {
  const source = editor.model.sharedModel.getSource();
  const { start, end } = sentenceAround(source, editor.getOffsetAt(cursor));
  const line = source.slice(0, start).split("\n").length;
  return start === end ? null : { text: source.slice(start, end), label: `${name}:${line}` };
}

/** Whether one of the two texts of a pair holds nothing to read. */
export function isHalfEmpty({ text, textPair }: Selection): boolean {
  return textPair !== undefined && (text === "" || textPair === "");
}

/** Two selections are the two segments of a pair, in the order in which they were made. */
function pairOf(editor: ReadableEditor, name: string, [first, second]: readonly [Range, Range]): Selection {
  const label = `${name}:${lineOf(first) + 1} + ${lineOf(second) + 1}`;
  return { text: textOf(editor, first).trim(), textPair: textOf(editor, second).trim(), label };
}

function textOf(editor: ReadableEditor, { start, end }: Range): string {
  const [from, to] = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((a, b) => a - b);
  return editor.model.sharedModel.getSource().slice(from, to);
}

function lineOf({ start, end }: Range): number {
  return Math.min(start.line, end.line);
}
