/** Everything that the panes are drawn from: a person's choices (`view`) and what the server answered. */

import { type Pass, passKey } from "./control/passes";
import type { HostError, Progress, ServerEvent, Theme } from "./host";
import { groupLabel, unitAt } from "./logic/units";
import type { DataOf, Pane } from "./pane";
import type { PANES } from "./panes";
import type { ChatMessage, CorpusDescription, ModelDescription, ModelListing, Token } from "./protocol";
import { combine, type Side, type Stack, type ViewState } from "./state";

/** One forward pass that the server keeps. */
export interface Capture {
  readonly id: string;
  /** The handle of the same pass with all heads on; `id` itself where none is off. */
  readonly whole: string;
  /** What was read, and how. */
  readonly pass: Pass;
  readonly model: ModelDescription;
  readonly tokens: readonly Token[];
  readonly decoderTokens: readonly Token[] | null;
  readonly text: string;
  readonly notes: readonly string[];
  /** The chat messages that were read; null or absent for a text. */
  readonly messages?: readonly ChatMessage[] | null;
}

export type Status =
  | { readonly phase: "idle" }
  | { readonly phase: "busy"; readonly progress: Progress | null }
  | { readonly phase: "failed"; readonly error: HostError };

export const IDLE: Status = { phase: "idle" };

export interface Hover {
  readonly side: Side;
  readonly token: number;
}

/** What all panes share. */
export interface SharedState {
  readonly view: ViewState;
  readonly theme: Theme;
  readonly wide: boolean;
  readonly capture: Capture | null;
  /** How reading the text goes: its capture, and the layer on show. */
  readonly attend: Status;
  /** How the annotations of the capture's tokens go, for which its picture did not wait; failed: they are missing. */
  readonly annotating: Status;
  readonly models: readonly ModelListing[] | null;
  readonly corpora: readonly CorpusDescription[] | null;
  readonly corporaStatus: Status;
  readonly server: ServerEvent | null;
  /** Documents that changed while the view was open, as plain uris. */
  readonly changed: readonly string[];
  readonly hover: Hover | null;
  /** Head id under the pointer or focus. */
  readonly previewHead: number | null;
  /** Earlier values of `view.mask`. */
  readonly undo: readonly (readonly number[])[];
  /** Choices that did not apply to what was read, and what was done instead. */
  readonly fallbacks: readonly string[];
  /** A short message, also read by screen readers. */
  readonly notice: string;
}

/** The shared fields and those of each pane. */
export type AppState = SharedState & DataOf<typeof PANES>;

/** Composes the app state. Throws where two panes define the same field. */
export function initialState(theme: Theme, view: ViewState, panes: readonly Pane[]): AppState {
  const shared: SharedState = {
    view,
    theme,
    wide: true,
    capture: null,
    attend: IDLE,
    annotating: IDLE,
    models: null,
    corpora: null,
    corporaStatus: IDLE,
    server: null,
    changed: [],
    hover: null,
    previewHead: null,
    undo: [],
    fallbacks: [],
    notice: "",
  };
  return combine([["the view", shared], ...panes.map(({ id, data }) => [id, data] as const)]) as unknown as AppState;
}

/** Whether two captures are of the same pass; annotations may have come to one of them meanwhile. */
export function isSamePass(one: Capture | null, other: Capture | null): boolean {
  return one?.id === other?.id;
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

/** The layers that attend, ascending; the others of a hybrid model have no heads. */
export function attentionLayersOf(capture: Capture, stack: Stack): readonly number[] {
  const all = Array.from({ length: layersOf(capture, stack) }, (_, i) => i);
  const some = stack === "encoder" ? (capture.model.attentionLayers ?? null) : null;
  return some === null ? all : all.filter((layer) => some.includes(layer));
}

/** What is on show is of another text, model or mask than the one that was asked for. */
export function isStale({ capture, view }: Pick<AppState, "capture" | "view">): boolean {
  return capture !== null && view.input !== null && passKey(capture.pass) !== passKey(view);
}

/** The tokens that are pinned: one, or all of a word where words are shown. None where nothing is pinned. */
export function pinnedTokens({ capture, view }: Pick<AppState, "capture" | "view">): readonly Token[] {
  if (capture === null || view.pinned === null) return [];
  const tokens = sides(capture, view.stack)[view.pinned.side];
  if (tokens[view.pinned.token] === undefined) return [];
  return unitAt(tokens, view.pinned.token, view.words).tokens.map((i) => tokens[i]);
}

/** The tokens that are searched: those that are pinned, of the encoder side, and not special. */
export function queryTokens(state: Pick<AppState, "capture" | "view">): readonly Token[] {
  return queryToken(state) === null ? [] : pinnedTokens(state);
}

/** What tokens that count as one are called: as in the text, also where they are masked. */
export function nameOf(tokens: readonly Token[]): string {
  const asWritten = tokens.map((token) => ({ ...token, isMasked: false }));
  return groupLabel(asWritten, { tokens: asWritten.map((_, i) => i) });
}

/** A token that can be searched: of the encoder side, and not special. null otherwise. */
export function queryToken(state: Pick<AppState, "capture" | "view">): Token | null {
  const { capture, view } = state;
  if (capture === null || view.pinned === null) return null;
  const { left, right } = sides(capture, view.stack);
  const tokens = view.pinned.side === "left" ? left : right;
  if (tokens !== capture.tokens) return null;
  const token = tokens[view.pinned.token];
  return token === undefined || token.isSpecial ? null : token;
}
