/** What a person chooses about the search in the corpus, and its result. */
import { type AppState, IDLE, type Status } from "../../app";
import { between, type Check, isFlag, isIndex, isObject, isText, oneOf, orNull } from "../../logic/checks";
import { ANNOTATIONS, type Annotation, type BarFilter, type SummaryMode } from "../../logic/labels";
import type { Slice } from "../../pane";
import type { SearchRelationsResult, SearchResult } from "../../protocol";

/** Conditions on the match, as typed: several words are separated by commas. */
export interface SearchFilter {
  readonly pos: string;
  readonly dep: string;
  readonly entity: string;
  readonly token: string;
  readonly documents: string;
}

export const NO_FILTER: SearchFilter = { pos: "", dep: "", entity: "", token: "", documents: "" };

export interface CorpusView {
  readonly space: "headOutput" | "hiddenState";
  /**
   * The token that the pinned one attends to in the chosen head: pairs like these two are searched instead of tokens like
   * the pinned one. null: no relation is searched for.
   */
  readonly relationTo: number | null;
  /** null: the state that the shown layer reads. */
  readonly hiddenLayer: number | null;
  readonly k: number;
  readonly weighting: "uniform" | "norm";
  readonly distinct: boolean;
  readonly filter: SearchFilter;
  /** Direction of attention: of the shading of rows, and of the summary. */
  readonly direction: "outgoing" | "incoming";
  readonly rows: "auto" | "kwic" | "wrapped";
  readonly columns: Annotation;
  readonly columnsLeft: number;
  readonly columnsRight: number;
  /** Only contexts behind this bar of a histogram are shown. */
  readonly bar: BarFilter | null;
  /** The sentence that was searched for is listed too, where the corpus has it. */
  readonly ownSentence: boolean;
}

const isBar: Check = (value) =>
  isObject(value) && oneOf("subject", "maxAttention")(value.of) && isText(value.attribute) && isText(value.label);

export const CORPUS_VIEW: Slice<CorpusView> = {
  initial: {
    space: "headOutput",
    relationTo: null,
    hiddenLayer: null,
    k: 50,
    weighting: "uniform",
    distinct: false,
    filter: NO_FILTER,
    direction: "outgoing",
    rows: "auto",
    columns: "pos",
    columnsLeft: 1,
    columnsRight: 1,
    bar: null,
    ownSentence: true,
  },
  checks: {
    space: oneOf("headOutput", "hiddenState"),
    relationTo: orNull(isIndex),
    hiddenLayer: orNull(isIndex),
    k: (value) => Number.isInteger(value) && between(1, 1000)(value),
    weighting: oneOf("uniform", "norm"),
    distinct: isFlag,
    filter: (value) => isObject(value) && Object.keys(NO_FILTER).every((key) => isText(value[key])),
    direction: oneOf("outgoing", "incoming"),
    rows: oneOf("auto", "kwic", "wrapped"),
    columns: oneOf(...ANNOTATIONS),
    columnsLeft: between(0, 9),
    columnsRight: between(0, 9),
    bar: orNull(isBar),
    ownSentence: isFlag,
  },
  fresh: { distinct: true, ownSentence: false },
  perQuery: ["bar", "relationTo"],
};

/** Contexts of a token, or of a relation between two. */
export type Found = SearchResult | SearchRelationsResult;

export function isRelation(found: Found): found is SearchRelationsResult {
  return "weight" in found;
}

export interface CorpusData {
  readonly search: Status;
  readonly result: Found | null;
  /** How the bars were counted that `view.bar` may name; set by the pane that draws them. null: `bar` filters nothing. */
  readonly barMode: SummaryMode | null;
}

export const CORPUS_DATA: CorpusData = { search: IDLE, result: null, barMode: null };

/** The hidden layer that is searched: the chosen one, or the one that the shown layer reads. */
export function hiddenLayerOf(view: AppState["view"]): number {
  return view.hiddenLayer ?? view.layer;
}
