/** Colors the text in its editor by the attention of the token that is pinned in the view, if the person wants it. */
import * as vscode from "vscode";
import { findSpans } from "../../shared/src/findAgain";
import type { Coloring } from "./messages";
import { readSettings } from "./settings";

/** Depths of the color; the deepest leaves text a contrast of 4.5. */
const LEVELS = 8;
const DEEPEST = 0.38;
/** Below this share of the strongest attention nothing is colored. */
const LEAST = 0.03;
const LIGHT = "38, 84, 182";
const DARK = "122, 172, 255";

interface Drawn {
  readonly levels: readonly vscode.Range[][];
  readonly pinned: readonly vscode.Range[];
}

const NOTHING: Drawn = { levels: Array.from({ length: LEVELS }, () => []), pinned: [] };

export class Colors implements vscode.Disposable {
  private readonly levels = NOTHING.levels.map((_, level) => levelType((DEEPEST * (level + 1)) / LEVELS));
  private readonly pinned = vscode.window.createTextEditorDecorationType({
    border: "1px solid",
    borderColor: new vscode.ThemeColor("focusBorder"),
  });
  private coloring: Coloring | null = null;
  /** Where the text was explored: it may stand at other places too. */
  private origin: { readonly uri: vscode.Uri; readonly offset: number } | undefined;
  private readonly colored = new Set<vscode.TextEditor>();
  private readonly listeners: vscode.Disposable;

  constructor() {
    this.listeners = vscode.Disposable.from(
      vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      vscode.workspace.onDidChangeTextDocument(({ contentChanges }) => {
        if (contentChanges.length > 0) this.draw();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("exbert.colorText")) this.draw();
      }),
    );
  }

  /** What the view has pinned; null: nothing is colored. */
  show(coloring: Coloring | null): void {
    this.coloring = coloring;
    this.draw();
  }

  /** The text that is explored next stands here. */
  from(uri: vscode.Uri, offset: number): void {
    this.origin = { uri, offset };
  }

  dispose(): void {
    for (const one of [...this.levels, this.pinned, this.listeners]) one.dispose();
  }

  private draw(): void {
    const target = this.coloring === null || !readSettings().colorText ? undefined : this.find(this.coloring);
    for (const editor of [...this.colored]) if (editor !== target?.editor) this.put(editor, NOTHING);
    if (target !== undefined) this.put(target.editor, target.drawn);
  }

  /** The visible editor that has the text: the one that it was explored in, if it still has it. */
  private find(coloring: Coloring): { readonly editor: vscode.TextEditor; readonly drawn: Drawn } | undefined {
    const isOrigin = ({ document }: vscode.TextEditor): boolean =>
      document.uri.toString() === this.origin?.uri.toString();
    const editors = [...vscode.window.visibleTextEditors].sort((a, b) => Number(isOrigin(b)) - Number(isOrigin(a)));
    for (const editor of editors) {
      const drawn = drawnIn(editor.document, coloring, isOrigin(editor) ? (this.origin?.offset ?? 0) : 0);
      if (drawn !== undefined) return { editor, drawn };
    }
    return undefined;
  }

  private put(editor: vscode.TextEditor, { levels, pinned }: Drawn): void {
    for (const [level, type] of this.levels.entries()) editor.setDecorations(type, levels[level] ?? []);
    editor.setDecorations(this.pinned, pinned);
    if (levels.some((ranges) => ranges.length > 0) || pinned.length > 0) this.colored.add(editor);
    else this.colored.delete(editor);
  }
}

function levelType(depth: number): vscode.TextEditorDecorationType {
  const color = (base: string) => ({ backgroundColor: `rgba(${base}, ${depth.toFixed(3)})` });
  return vscode.window.createTextEditorDecorationType({ light: color(LIGHT), dark: color(DARK) });
}

/** Where the colors go in a document; undefined when it does not have the text. */
function drawnIn(document: vscode.TextDocument, { text, spans, pinned }: Coloring, near: number): Drawn | undefined {
  const own = pinned === null ? [] : [{ ...pinned, share: -1 }];
  const found = findSpans(document.getText(), near, text, [...spans, ...own]);
  if (found === null) return undefined;
  const levels: vscode.Range[][] = Array.from({ length: LEVELS }, () => []);
  const framed: vscode.Range[] = [];
  for (const { start, end, share } of found) {
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    if (share < 0) framed.push(range);
    else if (share > LEAST) levels[Math.min(LEVELS - 1, Math.floor(share * LEVELS))]?.push(range);
  }
  return { levels, pinned: framed };
}
