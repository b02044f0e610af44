/** The bundle that `clients/view` builds (dist/view.js); its source is checked over there, under its own settings. */
declare module "exbert-view" {
  import type { Host } from "../../../view/src/host";
  export function mount(element: HTMLElement, host: Host): unknown;
}
