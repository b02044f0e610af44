/** The widget in JupyterLab's main area that holds the view. */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { mount } from '#view';
import type { MountedView, SelectionEvent } from '#view';
import { exbertIcon } from './icon';
import { JupyterHost } from './host';
import type { Surroundings } from './host';

export const PANEL_ID = 'exbert-panel';

export class ExbertPanel extends Widget {
  private readonly host: JupyterHost;
  private view: MountedView | null = null;
  private state: unknown;

  constructor(
    surroundings: Omit<Surroundings, 'state'>,
    private readonly database: IStateDB | null,
    kept: unknown
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('exbert-panel');
    this.title.label = 'exBERT';
    this.title.caption = 'Attention, similar contexts and what they share';
    this.title.icon = exbertIcon;
    this.title.closable = true;
    this.state = kept;
    const state = { get: () => this.state, set: (value: unknown) => this.keep(value) };
    this.host = new JupyterHost({ ...surroundings, state });
    this.draw();
  }

  /** Show this text. */
  select(selection: SelectionEvent): void {
    this.host.select(selection);
  }

  themeChanged(): void {
    this.host.themeChanged();
  }

  /** Draw anew from the kept state with some of it changed: another model or corpus, or a state out of a link. */
  restore(change: object): void {
    this.keep({ version: 1, ...(this.state as object | undefined), ...change });
    this.view?.dispose();
    this.draw();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>('[tabindex="0"], button, input, select')?.focus();
  }

  override dispose(): void {
    this.view?.dispose();
    this.view = null;
    super.dispose();
  }

  private draw(): void {
    const element = document.createElement('div');
    element.className = 'exbert-panel-content';
    this.node.replaceChildren(element);
    this.view = mount(element, this.host);
  }

  private keep(state: unknown): void {
    this.state = state;
    void this.database?.save(PANEL_ID, state as ReadonlyPartialJSONValue);
  }
}
