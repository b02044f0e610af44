/** Colors the text in its editor by the attention of the token that is pinned in the view, if the person wants it. */

import { RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView } from "@codemirror/view";
import type { CodeEditor } from "@jupyterlab/codeeditor";
import { CodeMirrorEditor } from "@jupyterlab/codemirror";
import { DocumentWidget } from "@jupyterlab/docregistry";
import { FileEditor } from "@jupyterlab/fileeditor";
import { NotebookPanel } from "@jupyterlab/notebook";
import type { Widget } from "@lumino/widgets";
import { findSpans } from "#shared/findAgain";
import type { Coloring } from "#view";
import type { Shell } from "./shell";

/** Depths of the color: `.exbert-color-0` … in the style sheet. */
const LEVELS = 8;
/** Below this share of the strongest attention nothing is colored. */
const LEAST = 0.03;

const put = StateEffect.define<DecorationSet>();

/** The colors of an editor; they move with its text as it is edited. */
const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (now, transaction) =>
    transaction.effects.reduce((set, effect) => (effect.is(put) ? effect.value : set), now.map(transaction.changes)),
  provide: (self) => EditorView.decorations.from(self),
});

export class Colors {
  private coloring: Coloring | null = null;
  private readonly colored = new Set<CodeMirrorEditor>();

  constructor(
    private readonly shell: Shell,
    private readonly isOn: () => boolean,
    /** The document that a person works in: it comes first where several have the text. */
    private readonly current: () => Widget | null,
  ) {
    shell.onLayout(() => this.draw());
  }

  /** What the view has pinned; null: nothing is colored. */
  show(coloring: Coloring | null): void {
    this.coloring = coloring;
    this.draw();
  }

  /** Colors, or takes the colors away where they are no longer wanted. */
  draw(): void {
    const { coloring } = this;
    const target = coloring === null || !this.isOn() ? null : this.find(coloring);
    for (const editor of this.colored) {
      if (editor !== target?.editor) {
        this.set(editor, Decoration.none);
      }
    }
    if (target !== null) {
      this.set(target.editor, target.marks);
    }
  }

  private find(coloring: Coloring): { editor: CodeMirrorEditor; marks: DecorationSet } | null {
    const first = this.current();
    const widgets = [...this.shell.documents].sort((a, b) => Number(b === first) - Number(a === first));
    for (const editor of widgets.filter(({ isVisible }) => isVisible).flatMap(editorsOf)) {
      const marks = marksIn(editor.model.sharedModel.getSource(), coloring);
      if (marks !== null) {
        return { editor, marks };
      }
    }
    return null;
  }

  private set(editor: CodeMirrorEditor, marks: DecorationSet): void {
    if (editor.isDisposed) {
      this.colored.delete(editor);
      return;
    }
    if (editor.state.field(field, false) === undefined) {
      editor.injectExtension(field);
    }
    editor.editor.dispatch({ effects: put.of(marks) });
    if (marks.size > 0) {
      this.colored.add(editor);
    } else {
      this.colored.delete(editor);
    }
  }
}

/** The editors of a document: its own, or those of its cells, the active one first. */
function editorsOf(widget: Widget): CodeMirrorEditor[] {
  const isCodeMirror = (editor: CodeEditor.IEditor | null | undefined): editor is CodeMirrorEditor =>
    editor instanceof CodeMirrorEditor;
  if (widget instanceof NotebookPanel) {
    const { activeCell, widgets } = widget.content;
    return [activeCell, ...widgets].map((cell) => cell?.editor).filter(isCodeMirror);
  }
  const isText = widget instanceof DocumentWidget && widget.content instanceof FileEditor;
  return isText ? [widget.content.editor].filter(isCodeMirror) : [];
}

/** The marks of a text's spans in a document; null when it does not have the text. */
function marksIn(source: string, { text, spans, pinned }: Coloring): DecorationSet | null {
  const own = pinned === null ? [] : [{ ...pinned, share: -1 }];
  const found = findSpans(source, 0, text, [...own, ...spans]);
  if (found === null) {
    return null;
  }
  const builder = new RangeSetBuilder<Decoration>();
  for (const { start, end, share } of [...found].sort((a, b) => a.start - b.start)) {
    if (end > start && (share < 0 || share > LEAST)) {
      builder.add(start, end, Decoration.mark({ class: classOf(share) }));
    }
  }
  return builder.finish();
}

function classOf(share: number): string {
  return share < 0 ? "exbert-color-pinned" : `exbert-color-${Math.min(LEVELS - 1, Math.floor(share * LEVELS))}`;
}
