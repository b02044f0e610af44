/** Makes the panel when it is wanted, beside the document, and remembers it through reloads. */
import { WidgetTracker } from "@jupyterlab/apputils";
import type { Widget } from "@lumino/widgets";
import type { Choice, InUse } from "#view";
import type { Selection } from "./editorText";
import type { HostContext } from "./host";
import type { Kept } from "./kept";
import { ExbertPanel, PANEL_ID } from "./panel";
import type { Shell } from "./shell";

export interface HolderOptions {
  readonly shell: Shell;
  /** null: nothing is kept. */
  readonly kept: Kept | null;
  /** State of a panel that was never open before. */
  readonly initial: () => object;
  readonly beside: () => Widget | null;
  readonly context: Omit<HostContext, "state">;
}

export class PanelHolder {
  readonly tracker = new WidgetTracker<ExbertPanel>({ namespace: "exbert" });
  private waiting: Choice[] = [];
  private making: Promise<ExbertPanel> | null = null;

  constructor(private readonly options: HolderOptions) {}

  get isOpen(): boolean {
    return this.panel !== null;
  }

  /** Show the panel, with a text or as it was; `activate` moves the focus to it. */
  async show(selection: Selection | null, activate = true): Promise<void> {
    const panel = this.panel ?? (await this.make());
    if (activate) {
      this.options.shell.activate(panel.id);
    }
    if (selection !== null) {
      const { label, isMarkdown, ...input } = selection;
      panel.select({ input, label, ...(isMarkdown === undefined ? {} : { isMarkdown }) });
    }
  }

  /** Tell the panel what was chosen outside of it; one that is opened later is told then. */
  choose(choice: Choice): void {
    if (this.panel !== null) {
      this.panel.choose(choice);
    } else {
      this.waiting.push(choice);
    }
  }

  /** What the open panel uses; null when none is open. */
  get inUse(): InUse | null {
    return this.panel?.inUse ?? null;
  }

  /** The document of this path has changed. */
  documentChanged(uri: string): void {
    this.panel?.documentChanged(uri);
  }

  themeChanged(): void {
    this.panel?.themeChanged();
  }

  private get panel(): ExbertPanel | null {
    const panel = this.tracker.currentWidget;
    return panel === null || panel.isDisposed ? null : panel;
  }

  private make(): Promise<ExbertPanel> {
    this.making ??= this.create().finally(() => {
      this.making = null;
    });
    return this.making;
  }

  private async create(): Promise<ExbertPanel> {
    const { kept, initial, beside, shell, context } = this.options;
    const state = await kept?.fetch(PANEL_ID).catch(() => undefined);
    const panel = new ExbertPanel(context, kept, state ?? initial());
    await this.tracker.add(panel);
    shell.addPanel(panel, beside());
    for (const choice of this.waiting.splice(0)) {
      panel.choose(choice);
    }
    return panel;
  }
}
