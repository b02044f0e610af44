/** Everything that the panes are drawn from: a person's choices (`view`) and what the server answered. */
import type { HostError, Progress, ServerEvent, Theme } from "./host";
import type { LayerAttention } from "./panes/attention/logic/attention";
import type {
  CorpusDescription,
  ModelDescription,
  ModelListing,
  SearchResult,
  SummarizeResult,
  Token,
} from "./protocol";
import { INITIAL, type Side, type Stack, type ViewState } from "./state";

/** One forward pass that the server keeps. */
export interface Capture {
  readonly id: string;
  readonly model: ModelDescription;
  readonly tokens: readonly Token[];
  readonly decoderTokens: readonly Token[] | null;
  readonly text: string;
  readonly notes: readonly string[];
}

export type Status =
  | { readonly phase: "idle" }
  | { readonly phase: "busy"; readonly progress: Progress | null }
  | { readonly phase: "failed"; readonly error: HostError };

export const IDLE: Status = { phase: "idle" };

/** Max-pooled pictures of one layer's heads, with and without special tokens. */
export interface Thumbnails {
  readonly heads: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** `[head][row][column]` */
  readonly all: Float32Array;
  readonly plain: Float32Array;
}

export interface Hover {
  readonly side: Side;
  readonly token: number;
}

export interface AppState {
  readonly view: ViewState;
  readonly theme: Theme;
  readonly wide: boolean;
  readonly capture: Capture | null;
  /** The layer shown, of the stack shown; null while it is fetched for the first time. */
  readonly layer: LayerAttention | null;
  /** Which layer `layer` is; it lags `view.layer` while the next one is on its way. */
  readonly layerShown: number;
  readonly thumbnails: readonly (Thumbnails | null)[];
  readonly attend: Status;
  readonly search: Status;
  readonly summarize: Status;
  readonly result: SearchResult | null;
  readonly summary: SummarizeResult | null;
  readonly models: readonly ModelListing[] | null;
  readonly corpora: readonly CorpusDescription[] | null;
  readonly corporaStatus: Status;
  readonly server: ServerEvent | null;
  readonly hover: Hover | null;
  /** Head id under the pointer or focus. */
  readonly previewHead: number | null;
  readonly undo: readonly (readonly number[])[];
  /** A short message for everybody, screen readers included. */
  readonly notice: string;
}

export function initialState(theme: Theme): AppState {
  return {
    view: INITIAL,
    theme,
    wide: true,
    capture: null,
    layer: null,
    layerShown: 0,
    thumbnails: [],
    attend: IDLE,
    search: IDLE,
    summarize: IDLE,
    result: null,
    summary: null,
    models: null,
    corpora: null,
    corporaStatus: IDLE,
    server: null,
    hover: null,
    previewHead: null,
    undo: [],
    notice: "",
  };
}

const NO_TOKENS: readonly Token[] = [];

/** The tokens of the two sides: queries left, keys right. */
export function sides(capture: Capture | null, stack: Stack): { left: readonly Token[]; right: readonly Token[] } {
  if (capture === null) return { left: NO_TOKENS, right: NO_TOKENS };
  const decoder = capture.decoderTokens ?? capture.tokens;
  return {
    left: stack === "encoder" ? capture.tokens : decoder,
    right: stack === "decoder" ? decoder : capture.tokens,
  };
}

/** The stacks that a model has; one means that there is nothing to choose. */
export function stacksOf(capture: Capture | null): readonly Stack[] {
  return capture?.model.kind === "encoderDecoder" ? ["encoder", "decoder", "cross"] : ["encoder"];
}

export function layersOf(capture: Capture, stack: Stack): number {
  return stack === "encoder" ? capture.model.nLayers : (capture.model.nDecoderLayers ?? capture.model.nLayers);
}

/** A token that can be searched: of the encoder side, and not special. null otherwise. */
export function queryToken(state: AppState): Token | null {
  const { capture, view } = state;
  if (capture === null || view.pinned === null) return null;
  const { left, right } = sides(capture, view.stack);
  const tokens = view.pinned.side === "left" ? left : right;
  if (tokens !== capture.tokens) return null;
  const token = tokens[view.pinned.token];
  return token === undefined || token.isSpecial ? null : token;
}

/** The hidden layer that is searched: the chosen one, or the one that the shown layer reads. */
export function hiddenLayerOf(view: ViewState): number {
  return view.hiddenLayer ?? view.layer;
}
