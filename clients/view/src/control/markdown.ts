/** Whether a selection is Markdown, and what the model is given of it. */
import type { SelectionEvent, TextInput } from "../host";
import { proseOf } from "../logic/prose";

const ENDING = /\.(md|markdown|mdown|mkd|qmd|rmd)$/i;

/** As the host says, or by the name of the document; a label may end in a line: "notes.md:12". */
export function isMarkdown({ input, label, isMarkdown: said }: SelectionEvent): boolean {
  if (said !== undefined) return said;
  const name = "textDocument" in input ? input.textDocument.uri.replace(/[?#].*$/, "") : label;
  return ENDING.test(name.replace(/:[\d–-]+$/, ""));
}

/** The text that is read, and its Markdown source where both differ. A pair is read as it is. */
export function readable(selection: SelectionEvent, asProse: boolean): { input: TextInput; source: string | null } {
  const { input } = selection;
  if (!("text" in input) || input.textPair !== undefined || !isMarkdown(selection)) return { input, source: null };
  const { text } = proseOf(input.text);
  if (text.trim() === "" || text.trim() === input.text.trim()) return { input, source: null };
  return { input: asProse ? { text } : input, source: input.text };
}
