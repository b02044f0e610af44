/** Hands the editor what it may color, whenever that changes. */
import type { AppState } from "../../app";
import type { Coloring, Host } from "../../host";
import { coloringOf } from "./logic/coloring";

type Key = readonly [AppState["capture"], AppState["layer"], AppState["view"]["pinned"], unknown, string];

export class TextColors {
  private key: Key | null = null;
  private last: Coloring | null = null;

  constructor(private readonly host: Host) {}

  changed(state: AppState): void {
    if (this.host.color === undefined) return;
    const { capture, layer, view } = state;
    const key: Key = [capture, layer, view.pinned, view.heads, `${view.hideFirst} ${view.words}`];
    if (this.key?.every((part, i) => part === key[i])) return;
    this.key = key;
    const coloring = coloringOf(state);
    if (coloring === null && this.last === null) return;
    this.last = coloring;
    this.host.color(coloring);
  }
}
