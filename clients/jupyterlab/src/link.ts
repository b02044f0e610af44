/** Links that hold a view's whole state: `…/lab?exbert=<state>`, as the view encodes it. */
export const LINK_PARAMETER = "exbert";

/** What the view takes as a link, out of an address's query; null when there is none. */
export function linkIn(search: string): string | null {
  const encoded = new URLSearchParams(search).get(LINK_PARAMETER);
  return encoded !== null && /^[A-Za-z0-9_-]+$/.test(encoded) ? `exbert:${encoded}` : null;
}
