/** Numbers and names as people read them. */

const THIN = "\u202f";

export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)}${THIN}%`;
}

export function lift(value: number | null): string {
  if (value === null) return "new";
  if (value === 0) return "absent";
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)}×`;
}

export function compact(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  if (count < 1_000_000) return `${Math.round(count / 1000)}${THIN}k`;
  return `${(count / 1_000_000).toFixed(1)}${THIN}M`;
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)}${THIN}${units[unit]}`;
}

export function weight(value: number): string {
  return value >= 0.0995 ? value.toFixed(2) : value >= 0.0005 ? value.toFixed(3) : value > 0 ? "<0.001" : "0";
}

export function signed(offset: number): string {
  return offset > 0 ? `+${offset}` : offset < 0 ? `−${-offset}` : "0";
}

export { sentence } from "../../../shared/src/sentences";

/** The last part or two of a URI, decoded: "brown/f16.txt". */
export function shortUri(uri: string): string {
  const path = uri.replace(/^[a-z][\w+.-]*:\/*/i, "").replace(/[?#].*$/, "");
  const parts = path.split("/").filter((part) => part !== "");
  const tail = parts.slice(-2).join("/");
  try {
    return decodeURIComponent(tail);
  } catch {
    return tail;
  }
}

/** The last part of a model's id or path. */
export function shortModel(id: string): string {
  return (
    id
      .replace(/[\\/]+$/, "")
      .split(/[\\/]/)
      .pop() ?? id
  );
}

export function ranges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === sorted[j] + 1) j++;
    parts.push(i === j ? `${sorted[i]}` : j === i + 1 ? `${sorted[i]}, ${sorted[j]}` : `${sorted[i]}–${sorted[j]}`);
    i = j + 1;
  }
  return parts.join(", ");
}

/** At most `most` characters; the middle gives way. */
export function shortened(text: string, most = 48): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= most) return line;
  const half = Math.floor((most - 1) / 2);
  return `${line.slice(0, half).trimEnd()}…${line.slice(-half).trimStart()}`;
}
