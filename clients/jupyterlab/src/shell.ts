/**
 * Where the panel and documents stand. JupyterLab has one main area of many tabs; Jupyter Notebook shows one document a
 * page, and takes what stands beside it into its right side bar.
 */
import type { ILabShell, JupyterFrontEnd } from "@jupyterlab/application";
import { type DockPanel, SplitPanel, type Widget } from "@lumino/widgets";

/** Share of a page's width that the panel has beside a document in Jupyter Notebook, until a person moves the edge. */
const SHARE = 0.46;

export class Shell {
  private isWidened = false;

  constructor(
    private readonly shell: JupyterFrontEnd.IShell,
    /** The same where it is JupyterLab's; null in Jupyter Notebook. */
    private readonly lab: ILabShell | null,
  ) {}

  /** Whether a page shows one document, and another opens in a tab of the browser. */
  get isSingle(): boolean {
    return this.lab === null;
  }

  /** The document or panel in front; in Jupyter Notebook, the document. */
  get current(): Widget | null {
    return this.shell.currentWidget;
  }

  get documents(): Widget[] {
    return [...this.shell.widgets("main")];
  }

  onCurrent(callback: () => void): void {
    this.shell.currentChanged?.connect(callback);
  }

  /** Calls back when something was opened, closed or moved. */
  onLayout(callback: () => void): void {
    if (this.lab === null) this.onCurrent(callback);
    else this.lab.layoutModified.connect(callback);
  }

  activate(id: string): void {
    this.shell.activateById(id);
    // Jupyter Notebook opens the side bar, and leaves the focus where it is
    const panel = this.isSingle ? [...this.shell.widgets("right")].find((widget) => widget.id === id) : undefined;
    if (panel === undefined) return;
    panel.activate();
    if (!this.isWidened) requestAnimationFrame(() => this.widen(panel));
  }

  /** A side bar opens as narrow as it can. */
  private widen(panel: Widget): void {
    let side: Widget = panel;
    while (side.parent !== null && !(side.parent instanceof SplitPanel)) side = side.parent;
    const split = side.parent;
    if (!(split instanceof SplitPanel)) return;
    this.isWidened = true;
    const at = split.widgets.indexOf(side);
    const others = split.relativeSizes().reduce((sum, size, i) => sum + (i === at ? 0 : size), 0) || 1;
    split.setRelativeSizes(split.relativeSizes().map((size, i) => (i === at ? SHARE : ((1 - SHARE) * size) / others)));
  }

  /** Adds the panel beside a document. */
  addPanel(panel: Widget, beside: Widget | null): void {
    this.isWidened = false;
    if (this.isSingle) this.shell.add(panel, "right", { rank: 1 });
    else this.shell.add(panel, "main", beside === null ? {} : { mode: "split-right", ref: beside.id });
  }

  /** Moves a document to a place in the main area. */
  move(widget: Widget, place: object): void {
    this.shell.add(widget, "main", { ...place });
  }

  /** The ids of the widgets of each tab area. */
  get tabAreas(): string[][] {
    if (this.isSingle) return [];
    const dock = this.documents[0]?.parent as DockPanel | null | undefined;
    return dock == null ? [] : [...dock.tabBars()].map((bar) => bar.titles.map(({ owner }) => owner.id));
  }
}
