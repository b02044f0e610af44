/** What the menu offers: what each pane exports, and the view itself as something to keep or send. */
import type { Controller } from "../control/controller";
import type { Action } from "../pane";
import { toJson } from "./exports";

export function menuActions(controller: Controller, restore: () => void): Action[] {
  const state = controller.store.get();
  const view: readonly Action[] = [
    { text: "Copy link to this view", run: () => void controller.copy(controller.link(), "Link") },
    { text: "Copy this view as JSON", run: () => void controller.copy(toJson(controller.portable()), "View") },
    ...(controller.host.makePage === undefined
      ? []
      : [{ text: "Save as page to send", disabled: state.capture === null, run: () => void controller.savePage() }]),
    { text: "Restore a view …", run: restore },
    { text: "Reset all choices", run: () => controller.reset() },
  ];
  const groups = [...controller.panes.map((pane) => pane.actions?.(controller, state) ?? []), view].filter(
    (group) => group.length > 0,
  );
  return groups.flatMap((group, i) => group.map((action, j) => ({ ...action, separated: i > 0 && j === 0 })));
}
