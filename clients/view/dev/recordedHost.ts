/** A host that answers with what a real server once said (test/fixtures). */
import { decodeBase64 } from "../src/logic/tensor";
import type {
  AttendParams,
  AttendResult,
  Method,
  SearchParams,
  SearchResult,
  SummarizeResult,
  Tensor,
} from "../src/protocol";
import attendJson from "../test/fixtures/attend.json";
import corporaJson from "../test/fixtures/corpora.json";
import modelsJson from "../test/fixtures/models.json";
import searchJson from "../test/fixtures/search.json";
import summarizeJson from "../test/fixtures/summarize.json";
import { FixtureHost } from "./fixtureHost";

export const recordedAttend = attendJson as unknown as AttendResult;
export const recordedSearch = searchJson as unknown as SearchResult;
export const recordedSummary = summarizeJson as unknown as SummarizeResult;

/** The layers asked for, cut out of a recorded `[layer][head][query][key]` of bytes. */
function someLayers(tensor: Tensor, layers: readonly number[]): Tensor {
  const [, ...shape] = tensor.shape;
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = decodeBase64(tensor.data as string);
  let binary = "";
  for (const layer of layers) {
    for (const byte of bytes.subarray(layer * size, (layer + 1) * size)) binary += String.fromCharCode(byte);
  }
  return { ...tensor, shape: [layers.length, ...shape], data: btoa(binary) };
}

export class RecordedHost extends FixtureHost {
  protected override attend(params: AttendParams): AttendResult {
    const masked = (params.mask ?? []).length > 0;
    if (params.captureId === undefined && (masked || params.text !== recordedAttend.text)) return super.attend(params);
    if (params.captureId !== undefined && params.captureId !== recordedAttend.captureId) return super.attend(params);
    const layers = params.layers ?? recordedAttend.layers;
    return { ...recordedAttend, layers: [...layers], attention: someLayers(recordedAttend.attention, layers) };
  }

  protected override answer(method: Method, params: unknown): unknown {
    if (method === "listModels") return modelsJson;
    if (method === "listCorpora") return corporaJson;
    if (method === "summarize") return recordedSummary;
    if (method === "searchContexts") {
      const { k, distinct } = params as SearchParams;
      const seen = new Set<string>();
      const kept = recordedSearch.hits.filter(
        ({ sentence }) => !distinct || (!seen.has(sentence.text) && seen.add(sentence.text)),
      );
      return { ...recordedSearch, hits: kept.slice(0, k ?? 50) };
    }
    return super.answer(method, params);
  }
}
