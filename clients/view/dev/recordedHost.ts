/** A host that answers with what a real server once said (test/fixtures). */
import { decodeBase64 } from "../src/logic/tensor";
import type {
  AblateHeadsParams,
  AblateHeadsResult,
  AttendParams,
  AttendResult,
  CompareCapturesParams,
  CompareCapturesResult,
  DecomposeResult,
  Method,
  ProfileParams,
  ProfileResult,
  SearchParams,
  SearchResult,
  SummarizeResult,
  Tensor,
} from "../src/protocol";
import attendJson from "../test/fixtures/attend.json";
import comparisonJson from "../test/fixtures/comparison.json";
import corporaJson from "../test/fixtures/corpora.json";
import effectsJson from "../test/fixtures/effects.json";
import maskedJson from "../test/fixtures/masked.json";
import modelsJson from "../test/fixtures/models.json";
import pairJson from "../test/fixtures/pair.json";
import partsJson from "../test/fixtures/parts.json";
import searchJson from "../test/fixtures/search.json";
import smollmJson from "../test/fixtures/smollm-heads.json";
import summarizeJson from "../test/fixtures/summarize.json";
import { FixtureHost } from "./fixtureHost";

export const recordedAttend = attendJson as unknown as AttendResult;
export const recordedSearch = searchJson as unknown as SearchResult;
export const recordedSummary = summarizeJson as unknown as SummarizeResult;
export const recordedEffects = effectsJson as unknown as AblateHeadsResult;
export const recordedParts = partsJson as unknown as DecomposeResult;
/** Two texts that differ by an antonym. */
export const recordedPair = pairJson as unknown as { readonly first: AttendResult; readonly second: AttendResult };
export const recordedProfile = smollmJson as unknown as ProfileResult;

/** The first text with “escape” masked, and how it differs. */
export const recordedMasked = maskedJson as unknown as AttendResult;
export const recordedComparison = comparisonJson as unknown as CompareCapturesResult;

const PROSE = {
  corpus: recordedProfile.corpus,
  model: recordedProfile.model,
  documents: recordedProfile.documents,
  tokens: recordedProfile.tokens,
};

const READ: readonly AttendResult[] = [recordedAttend, recordedMasked, recordedPair.first, recordedPair.second];

function maskOf({ tokens }: AttendResult): number[] {
  return tokens.filter(({ isMasked }) => isMasked).map(({ index }) => index);
}

/** The same tensor with some of its heads. */
function someHeads(tensor: Tensor, heads: readonly number[]): Tensor {
  const [layers, nHeads, ...shape] = tensor.shape;
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = decodeBase64(tensor.data as string);
  const at = (layer: number, head: number) => (layer * nHeads + head) * size;
  const binary = Array.from({ length: layers }, (_, layer) =>
    heads.map((head) => String.fromCharCode(...bytes.subarray(at(layer, head), at(layer, head) + size))).join(""),
  ).join("");
  return { ...tensor, shape: [layers, heads.length, ...shape], data: btoa(binary) };
}

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
    const mask = JSON.stringify(params.mask ?? []);
    const read = READ.find((one) =>
      params.captureId === undefined
        ? params.text === one.text && JSON.stringify(maskOf(one)) === mask
        : params.captureId === one.captureId,
    );
    if (read === undefined || params.weights === "valueNorm") return super.attend(params);
    const layers = params.layers ?? read.layers;
    const all = someLayers(read.attention, layers);
    const heads = params.heads ?? null;
    return heads === null
      ? { ...read, layers: [...layers], attention: all }
      : { ...read, layers: [...layers], heads: [...heads], attention: someHeads(all, heads) };
  }

  protected override answer(method: Method, params: unknown): unknown {
    const mini = this.made.kind === "bidirectional";
    if (method === "listModels" && mini) return modelsJson;
    if (method === "listCorpora" && mini) return corporaJson;
    if (method === "listCorpora") return { corpora: [{ ...corporaJson.corpora[0], ...PROSE }] };
    if (method === "summarize") return recordedSummary;
    if (method === "compareCaptures" && (params as CompareCapturesParams).captureIds[0] === recordedAttend.captureId)
      return recordedComparison;
    const { captureId, against } = params as AblateHeadsParams;
    if (captureId === recordedPair.first.captureId && against === recordedPair.second.text) {
      if (method === "ablateHeads") return recordedEffects;
      if (method === "decompose") return recordedParts;
    }
    if (method === "profileHeads" && recordedProfile.corpus === (params as ProfileParams).corpus)
      return this.profile(params as ProfileParams);
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

  /** The heads that were asked for; there are no recorded examples. */
  private profile({ layers, heads }: ProfileParams): ProfileResult {
    const kept = recordedProfile.heads.filter(
      (one) => (layers?.includes(one.layer) ?? true) && (heads?.includes(one.head) ?? true),
    );
    return { ...recordedProfile, notes: recordedProfile.notes ?? [], heads: kept };
  }
}
