/** What is selected in one editor. */
import type { CodeEditor } from '@jupyterlab/codeeditor';

/** A text to explore, and the name that people know it by. */
export interface Selection {
  readonly text: string;
  readonly label: string;
}

/** The parts of an editor that are read here. */
export type ReadableEditor = Pick<CodeEditor.IEditor, 'getSelection' | 'getOffsetAt' | 'getLine'> & {
  readonly model: { readonly sharedModel: { getSource(): string } };
};

/** The selected text of an editor, whichever way it was dragged; else the cursor's line if that is wanted. */
export function fromEditor(editor: ReadableEditor, name: string, wholeLine: boolean): Selection | null {
  const { start, end } = editor.getSelection();
  const offsets = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((a, b) => a - b);
  const line = Math.min(start.line, end.line);
  const label = `${name}:${line + 1}`;
  const chosen = editor.model.sharedModel.getSource().slice(offsets[0], offsets[1]);
  if (chosen.trim() !== '') {
    return { text: chosen, label };
  }
  const whole = wholeLine ? (editor.getLine(line) ?? '') : '';
  return whole.trim() === '' ? null : { text: whole.trim(), label };
}
