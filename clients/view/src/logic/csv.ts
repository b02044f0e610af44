/** What is on show, as tables, and tables as RFC 4180 CSV. */

export type Cell = string | number | boolean | null;

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

function quote(cell: Cell): string {
  if (cell === null) return "";
  const text = String(cell);
  // a leading =, +, -, @ would be read as a formula by spreadsheets; numbers are numbers
  const safe = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv({ header, rows }: Table): string {
  return [header, ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}
