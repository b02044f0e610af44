/** Which document a person works in, also while the exBERT panel has the focus. */
import type { Widget } from "@lumino/widgets";
import type { Selection } from "./editorText";
import { PANEL_ID } from "./panel";
import { fromRendered, readSelection } from "./selection";
import type { Shell } from "./shell";

export class Documents {
  private last: Widget | null = null;
  /** The palette takes the focus, and with it the browser's selection of rendered text: it is remembered. */
  private rendered: { readonly widget: Widget; readonly selection: Selection } | null = null;

  constructor(shell: Shell) {
    this.note(shell.current);
    shell.onCurrent(() => this.note(shell.current));
    document.addEventListener("selectionchange", () => this.remember());
  }

  get current(): Widget | null {
    return this.last !== null && !this.last.isDisposed && this.last.isAttached ? this.last : null;
  }

  /** What is selected there; with `sentence`, an empty selection means the sentence at the cursor or the rendered text. */
  selection(sentence: boolean): Selection | null {
    const widget = this.current;
    const found = readSelection(widget, false);
    if (found !== null) {
      return found;
    }
    if (this.rendered !== null && this.rendered.widget === widget) {
      return this.rendered.selection;
    }
    return sentence ? readSelection(widget, true) : null;
  }

  private note(widget: Widget | null): void {
    if (widget !== null && widget.id !== PANEL_ID) {
      this.last = widget;
    }
  }

  private remember(): void {
    const widget = this.current;
    const selection = window.getSelection();
    if (widget === null || selection?.anchorNode == null || !widget.node.contains(selection.anchorNode)) {
      return; // the selection went elsewhere, as into the palette: what was selected here still holds
    }
    const inEditor = selection.anchorNode.parentElement?.closest(".jp-Editor, .cm-editor") != null;
    const found = inEditor ? null : fromRendered(widget.node, readSelection(widget, true)?.label ?? widget.title.label);
    this.rendered = found === null ? null : { widget, selection: found };
  }
}
