/** `exbert-rpc view`: the view in a browser window, beside a server on this machine. */
import "../page/page.css";
import "./place.css";
import { SystemTheme } from "../page/browser";
import { mount } from "../src/index";
import { arrive, KEPT, linkFrom } from "./address";
import { LiveHost } from "./host";
import { showPlace } from "./placeBar";
import { LiveSession } from "./session";
import { openSocket } from "./webSocket";

const ENDED = "The server of this page has ended. Run exbert-rpc view again; it opens a new page.";
const LOST = "The connection to the server was lost. Connecting again …";

function start(element: HTMLElement, place: HTMLElement): void {
  const { token, view } = arrive();
  const session = new LiveSession({
    open: () => openSocket(`ws://${location.host}/`, token),
    clientName: "exbert-rpc view",
    ended: ENDED,
    lost: LOST,
  });
  const host = new LiveHost(session, {
    state: {
      // a link says more than what was on show before
      get: () => (view === null ? JSON.parse(sessionStorage.getItem(KEPT) ?? "null") : undefined),
      set: (state) => sessionStorage.setItem(KEPT, JSON.stringify(state)),
    },
    theme: new SystemTheme(),
    showPlace: (text) => showPlace(place, text, (words) => host.copy(words)),
    link: linkFrom,
    makePage: async (state) => ({ name: "exbert.html", mime: "text/html", data: await session.page(state) }),
  });
  element.textContent = "";
  const mounted = mount(element, host);
  if (view !== null) mounted.restore(view);
  addEventListener("hashchange", () => {
    const next = arrive().view;
    if (next !== null) mounted.restore(next);
  });
}

const [element, place] = ["view", "place"].map((id) => document.getElementById(id));
if (element !== null && place !== null) start(element, place);
