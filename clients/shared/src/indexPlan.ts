/** What would be indexed, in words, and what must be asked before it is. */
import { withCommas } from "./buildSummary";

export interface FormatCount {
  readonly format: string;
  readonly files: number;
  readonly bytes: number;
  readonly fields: readonly string[];
}

export interface Skip {
  readonly uri: string;
  readonly reason: string;
}

export interface SourcesPreview {
  readonly formats: readonly FormatCount[];
  readonly skipped: readonly Skip[];
}

/** "2 files of text (1.2 MB)", one line a format. */
export function countLines({ formats }: SourcesPreview): string[] {
  return formats.map(
    ({ format, files, bytes }) =>
      `${withCommas(files)} ${files === 1 ? "file" : "files"} of ${format} (${size(bytes)})`,
  );
}

export function fileCount({ formats }: SourcesPreview): number {
  return formats.reduce((sum, { files }) => sum + files, 0);
}

function size(bytes: number): string {
  const [unit, name] = bytes < 1e6 ? [1e3, "KB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}

const USUAL = ["text", "content", "body", "sentence", "review"];

/** The fields of all records, the likeliest text first; empty when there are no records. */
export function fieldsToAsk({ formats }: SourcesPreview): string[] {
  const fields = [...new Set(formats.flatMap((one) => one.fields))];
  const rank = (field: string) => {
    const at = USUAL.indexOf(field.toLowerCase());
    return at < 0 ? USUAL.length : at;
  };
  return fields.sort((a, b) => rank(a) - rank(b));
}

/** What is left out, one line each. */
export function skippedLines(skipped: readonly Skip[]): string[] {
  return skipped.map(({ uri, reason }) => `${shortName(uri)}: ${reason}`);
}

function shortName(uri: string): string {
  try {
    return decodeURIComponent(uri.replace(/^file:\/\//, ""));
  } catch {
    return uri;
  }
}
