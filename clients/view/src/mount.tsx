/** Puts the view into an element of the host's page. */
import { render } from "preact";
import { Controller } from "./control/controller";
import type { Disposable, Host, SelectionEvent } from "./host";
import type { Pane } from "./pane";
import { PANES } from "./panes";
import type { ViewState } from "./state";
import { App } from "./ui/App";
import { ControllerProvider } from "./ui/context";

export interface MountedView extends Disposable {
  /** Shows a new text, as `Host.onSelection` does. */
  select(selection: SelectionEvent): void;
  /** The whole view state as it would be kept, plain JSON. */
  state(): ViewState;
  /** Takes a link or JSON that was copied from a view. False when it is neither. */
  restore(linkOrJson: string): boolean;
  /** Asks for corpora and models again (after indexing, or when a setting changed). */
  refresh(): void;
}

/** Draws the view in `element`, which should have a height of its own. */
export function mount(element: HTMLElement, host: Host, panes: readonly Pane[] = PANES): MountedView {
  const controller = new Controller(host, panes);
  render(
    <ControllerProvider value={controller}>
      <App />
    </ControllerProvider>,
    element,
  );
  controller.start();
  return {
    select: (selection) => controller.select(selection),
    state: () => controller.portable(),
    restore: (text) => controller.paste(text),
    refresh: () => void controller.lists(),
    dispose: () => {
      controller.dispose();
      render(null, element);
    },
  };
}
