/** A corpus name for a folder: what every file system and the server accept. */
export function corpusName(folderName: string): string {
  const plain = folderName
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/[^A-Za-z0-9._-]/g, "")
    .replace(/^[-._]+|[-.]+$/g, "")
    .slice(0, 60);
  return plain === "" ? "corpus" : plain.toLowerCase();
}

/** A number with its unit, for people: 1234567 → "1,234,567". */
export function withCommas(count: number): string {
  return count.toLocaleString("en-US");
}

/** What an indexing run did, in one sentence. */
export function indexSummary(result: {
  readonly corpus: string;
  readonly documents: number;
  readonly sentences: number;
  readonly unchanged: number;
  readonly seconds: number;
  readonly skipped: readonly unknown[];
}): string {
  const parts = [`${withCommas(result.documents)} documents`, `${withCommas(result.sentences)} sentences`];
  if (result.unchanged > 0) parts.push(`${withCommas(result.unchanged)} unchanged`);
  if (result.skipped.length > 0) parts.push(`${withCommas(result.skipped.length)} skipped`);
  return `Corpus “${result.corpus}”: ${parts.join(", ")} (${result.seconds.toFixed(1)} s).`;
}
