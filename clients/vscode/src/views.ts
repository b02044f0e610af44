/** The one view of a window: made when it is needed, found again after a reload. */
import * as vscode from "vscode";
import { VIEW_TYPE } from "./columns";
import type { Choice, InUse, SelectionEvent } from "./messages";
import { type PanelContext, ViewPanel } from "./panel";
import { readSettings } from "./settings";

export class Views implements vscode.Disposable {
  private view: ViewPanel | undefined;

  constructor(private readonly context: PanelContext) {}

  /** The one notion of the model and the corpus: what the open view uses, else what the settings say. */
  inUse(): InUse {
    const { model, corpus } = readSettings();
    const used = this.view?.inUse;
    return { model: used?.model ?? (model || null), corpus: used?.corpus ?? (corpus || null) };
  }

  /** Shows a text beside the editor, which keeps the focus. */
  explore(selection: SelectionEvent): void {
    this.ensure().explore(selection);
    this.view?.panel.reveal(undefined, true);
  }

  show(): void {
    this.ensure().panel.reveal();
  }

  /** Opens a link that somebody copied from a view. */
  openLink(link: string): void {
    this.ensure().prefer({ link });
    this.view?.panel.reveal();
  }

  /** Tells an open view what was chosen with a command; a later one reads the settings. */
  prefer(choice: Choice): void {
    this.view?.prefer(choice);
  }

  isVisible(): boolean {
    return this.view?.panel.visible === true;
  }

  /** Takes up the panels that VS Code kept through a reload; their page restores its own state. */
  registerSerializer(): vscode.Disposable {
    return vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
      deserializeWebviewPanel: (panel: vscode.WebviewPanel) => {
        if (this.view === undefined) this.adopt(new ViewPanel(panel, this.context));
        else panel.dispose();
        return Promise.resolve();
      },
    });
  }

  dispose(): void {
    this.view?.panel.dispose();
  }

  private ensure(): ViewPanel {
    if (this.view !== undefined) return this.view;
    const view = this.adopt(ViewPanel.create(this.context));
    const { model, corpus } = readSettings();
    view.prefer({ ...(model === "" ? {} : { model }), ...(corpus === "" ? {} : { corpus }) });
    return view;
  }

  private adopt(view: ViewPanel): ViewPanel {
    this.view = view;
    view.panel.onDidDispose(() => {
      if (this.view === view) this.view = undefined;
    });
    return view;
  }
}
