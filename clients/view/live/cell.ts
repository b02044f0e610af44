/** The view in the output of a notebook's cell; `loader.ts` fetches this script from the kernel, once a page. */
import "./cell.css";
import { mount } from "../src/index";
import { LiveHost } from "./host";
import type { KernelModel } from "./kernelModel";
import { pageFromKernel } from "./kernelPage";
import { KernelSocket } from "./kernelSocket";
import { NotebookTheme } from "./notebookTheme";
import { showPlace } from "./placeBar";
import { LiveSession } from "./session";

const ENDED = "The kernel (or the server that it asks) has ended, or was restarted. Run the cell again.";
const LOST = "The kernel does not answer: it runs another cell, or has ended. Trying again …";

function part(name: string, className: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

/** Draws the view into `element`; gives what takes it away. */
export function render(model: KernelModel, element: HTMLElement): () => void {
  const box = part("div", "exbert-cell");
  const place = part("p", "exbert-cell-place");
  place.setAttribute("role", "status");
  // keys that the view has a meaning for are not commands of the notebook
  box.dataset.lmSuppressShortcuts = "true";
  box.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  box.style.height = String(model.get("height"));
  element.append(box, place);
  const session = new LiveSession({
    open: () => KernelSocket.open(model),
    clientName: "exbert-rpc notebook",
    ended: ENDED,
    lost: LOST,
  });
  const theme = new NotebookTheme();
  const mark = () => {
    box.dataset.theme = theme.theme;
  };
  mark();
  const marking = theme.onChange(mark);
  const host = new LiveHost(session, {
    state: {
      get: () => model.get("state"),
      set: (state) => {
        model.set("state", state);
        model.save_changes();
      },
    },
    theme,
    makePage: (state) => pageFromKernel(model, state),
    showPlace: (text) => showPlace(place, text, (words) => host.copy(words)),
  });
  const view = mount(box, host);
  return () => {
    view.dispose();
    marking.dispose();
    session.dispose();
    element.replaceChildren();
  };
}
