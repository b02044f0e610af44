/** The widget in JupyterLab's main area that holds the view. */
import type { ReadonlyPartialJSONValue } from "@lumino/coreutils";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import type { Choice, InUse, MountedView, SelectionEvent } from "#view";
import { mount } from "#view";
import type { HostContext } from "./host";
import { JupyterHost } from "./host";
import { exbertIcon } from "./icon";
import type { Kept } from "./kept";

export const PANEL_ID = "exbert-panel";

export class ExbertPanel extends Widget {
  private readonly host: JupyterHost;
  private view: MountedView | null = null;
  private state: unknown;

  constructor(
    context: Omit<HostContext, "state">,
    private readonly kept: Kept | null,
    state: unknown,
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass("exbert-panel");
    this.node.tabIndex = -1; // so that activating it moves the focus here, and Tab goes on into the view
    this.title.label = "exBERT";
    this.title.caption = "Attention, similar contexts and what they share";
    this.title.icon = exbertIcon;
    this.title.closable = true;
    this.state = state;
    const access = { get: () => this.state, set: (value: unknown) => this.keep(value) };
    this.host = new JupyterHost({ ...context, state: access });
    this.draw();
  }

  /** Show this text. */
  select(selection: SelectionEvent): void {
    this.host.selections.fire(selection);
  }

  get inUse(): InUse | null {
    return this.host.use;
  }

  documentChanged(uri: string): void {
    this.host.documentChanges.fire(uri);
  }

  themeChanged(): void {
    this.node.dataset.theme = this.host.theme;
    this.host.themes.fire(this.host.theme);
  }

  /** Show another model, corpus, or all that a link holds. */
  choose(choice: Choice): void {
    this.host.choices.fire(choice);
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (!this.node.contains(document.activeElement)) {
      this.node.focus();
    }
  }

  override dispose(): void {
    this.host.color(null);
    this.view?.dispose();
    this.view = null;
    super.dispose();
  }

  private draw(): void {
    const element = document.createElement("div");
    element.className = "exbert-panel-content";
    this.node.replaceChildren(element);
    this.node.dataset.theme = this.host.theme;
    this.view = mount(element, this.host);
  }

  private keep(state: unknown): void {
    this.state = state;
    void this.kept?.save(PANEL_ID, state as ReadonlyPartialJSONValue).catch(() => undefined);
  }
}
