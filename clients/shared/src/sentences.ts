/** Messages as sentences. */

/** With a full stop where nothing ends it. */
export function ended(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** A remark as a sentence of its own: capitalized and ended. */
export function sentence(remark: string): string {
  return ended(`${remark.charAt(0).toUpperCase()}${remark.slice(1)}`);
}

/** What happened, then what to do: two sentences. The message alone when there is no hint. */
export function withHint(message: string, hint: string | undefined): string {
  return hint === undefined || hint === "" ? message : `${ended(message)} ${hint}`;
}
