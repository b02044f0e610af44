/** What `exbert-rpc report` writes into a page: answers of a server, and what was asked. */
import type { AttendResult, ListCorporaResult, ListModelsResult, SearchResult, SummarizeResult } from "../src/protocol";

/** Contexts of one token with their summary. */
export interface RecordedSearch {
  readonly token: number;
  readonly layer: number;
  /** null: all heads. */
  readonly heads: readonly number[] | null;
  readonly answer: SearchResult;
  readonly summary: SummarizeResult;
}

export interface Recording {
  readonly version: 1;
  /** What this page holds, in one sentence that names what it does not hold. */
  readonly holds: string;
  readonly attend: AttendResult;
  readonly models: ListModelsResult;
  readonly corpora: ListCorporaResult;
  readonly searches: readonly RecordedSearch[];
  /** The view state that the page opens with. */
  readonly view: object;
}

/** Reads the base64 of gzipped JSON that stands in the page. */
export async function readRecording(base64: string): Promise<Recording> {
  const bytes = Uint8Array.from(atob(base64.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text()) as Recording;
}
