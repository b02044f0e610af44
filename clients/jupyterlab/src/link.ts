/** Links that hold a view's whole state: `…/lab?exbert=<base64url of JSON>`, as the view encodes it. */
export const LINK_PARAMETER = 'exbert';

/** The state in an address's query; null when there is none, or none that can be read. */
export function decodeLink(search: string): object | null {
  const encoded = new URLSearchParams(search).get(LINK_PARAMETER);
  if (encoded === null) {
    return null;
  }
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, character => character.charCodeAt(0));
    const state: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof state === 'object' && state !== null && !Array.isArray(state) ? state : null;
  } catch {
    return null;
  }
}
