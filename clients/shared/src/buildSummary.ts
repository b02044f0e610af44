/** What a build of a corpus did, in words. */

export interface BuildCounts {
  readonly corpus: string;
  readonly documents: number;
  readonly sentences: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly unchanged: number;
  readonly skipped: readonly { readonly reason: string }[];
}

/** 1234567 → "1,234,567": the sentences around it are English in every locale. */
export function withCommas(count: number): string {
  return count.toLocaleString("en-US");
}

function counted(count: number, unit: string): string {
  return `${withCommas(count)} ${unit}${count === 1 ? "" : "s"}`;
}

export function buildSummary(result: BuildCounts): string {
  const { corpus, documents, sentences, tokens, seconds, unchanged, skipped } = result;
  const size = [counted(documents, "document"), counted(sentences, "sentence"), counted(tokens, "token")].join(", ");
  const [first] = skipped;
  const rest = [
    ...(unchanged > 0 ? [`${withCommas(unchanged)} unchanged`] : []),
    ...(first === undefined ? [] : [`${withCommas(skipped.length)} skipped (${first.reason})`]),
  ];
  return `Corpus “${corpus}”: ${size} in ${seconds.toFixed(1)} s${rest.map((part) => `; ${part}`).join("")}.`;
}
