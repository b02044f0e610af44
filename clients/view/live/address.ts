/**
 * What the page's address says behind the `#`, which no browser sends over the network: the server's token, and a view.
 * Both are taken out of the address, so that it can be shown and sent; the browser keeps the token for this address.
 */
const TOKEN = "exbert-token";

/** Where the browser keeps what is on show, through reloads of this tab. */
export const KEPT = "exbert-view";

export interface Arrival {
  readonly token: string;
  /** An encoded view, as `MountedView.restore` takes it. */
  readonly view: string | null;
}

/** Reads the address and cleans it. */
export function arrive(): Arrival {
  const said = new URLSearchParams(location.hash.slice(1));
  const [token, view] = [said.get("token"), said.get("exbert")];
  if (token !== null) localStorage.setItem(TOKEN, token);
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  return { token: token ?? localStorage.getItem(TOKEN) ?? "", view: view === null ? null : `exbert:${view}` };
}

/** A link to a view: for this browser, while the server runs. It holds no token. */
export function linkFrom(encodedState: string): string {
  return `${location.origin}/#exbert=${encodedState}`;
}
