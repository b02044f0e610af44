/** Chat messages in what a person selects: a JSON list of roles and contents, as chat data sets and notebooks have it. */

export interface ChatMessage {
  role: string;
  content: string;
}

/** Longer texts are not looked at: parsing them would hold the editor up. */
const LONGEST = 1_000_000;

/**
 * The messages that a text is: a JSON list, or an object with the list in `messages`. In a cell of Python or a line of a
 * script, `messages = [...]` is taken, too, as long as its list is JSON. null for every other text.
 */
export function chatMessages(text: string): ChatMessage[] | null {
  const written = text.trim().replace(/^[A-Za-z_]\w*\s*=\s*(?=[[{])/, "");
  if (text.length > LONGEST || !/^[[{]/.test(written) || !written.includes('"role"')) return null;
  const data = parsed(written);
  const list = Array.isArray(data) ? data : isObject(data) ? data.messages : null;
  if (!Array.isArray(list) || list.length === 0 || !list.every(isMessage)) return null;
  return list.map(({ role, content }) => ({ role, content }));
}

function parsed(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMessage(value: unknown): value is ChatMessage {
  return isObject(value) && typeof value.role === "string" && value.role !== "" && typeof value.content === "string";
}
