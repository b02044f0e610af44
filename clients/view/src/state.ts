/** What the view remembers: a person's choices, in one JSON object that can be kept, sent and restored. */
import type { TextInput } from "./host";
import type { Combine } from "./panes/attention/logic/attention";
import type { Annotation, BarFilter } from "./logic/labels";
import { SEGMENT_FILTERS, type SegmentFilter } from "./panes/attention/logic/masks";

export type Stack = "encoder" | "decoder" | "cross";
export type Side = "left" | "right";
export type Pane = "attention" | "corpus" | "summary";

export interface Pin {
  readonly side: Side;
  /** Token index, also when words are shown. */
  readonly token: number;
}

export interface SearchFilter {
  readonly pos: string;
  readonly dep: string;
  readonly entity: string;
  readonly token: string;
  readonly documents: string;
}

export interface ViewState {
  readonly version: 1;
  readonly input: TextInput | null;
  readonly label: string;
  /** null: the server's default. */
  readonly model: string | null;
  readonly corpus: string | null;
  readonly stack: Stack;
  readonly layer: number;
  /** null: all heads, however many there are; []: none. */
  readonly heads: readonly number[] | null;
  /** 0..100 */
  readonly topPercent: number;
  readonly hideSpecial: boolean;
  readonly words: boolean;
  readonly combine: Combine;
  readonly segments: SegmentFilter;
  readonly pinned: Pin | null;
  readonly mask: readonly number[];
  readonly space: "headOutput" | "hiddenState";
  /** null: the state that the shown layer reads. */
  readonly hiddenLayer: number | null;
  readonly k: number;
  readonly weighting: "uniform" | "norm";
  readonly distinct: boolean;
  readonly filter: SearchFilter;
  /** Direction of attention in shading and summary alike. */
  readonly direction: "outgoing" | "incoming";
  readonly rows: "auto" | "kwic" | "wrapped";
  readonly columns: Annotation;
  readonly columnsLeft: number;
  readonly columnsRight: number;
  readonly summaryBy: Annotation;
  /** Beside the contexts the summary may be folded to its strongest finding. */
  readonly summaryFolded: boolean;
  readonly bar: BarFilter | null;
  readonly pane: Pane;
}

export const NO_FILTER: SearchFilter = { pos: "", dep: "", entity: "", token: "", documents: "" };

export const INITIAL: ViewState = {
  version: 1,
  input: null,
  label: "",
  model: null,
  corpus: null,
  stack: "encoder",
  layer: 0,
  heads: null,
  topPercent: 70,
  hideSpecial: true,
  words: false,
  combine: "mean",
  segments: "all",
  pinned: null,
  mask: [],
  space: "headOutput",
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
  summaryBy: "pos",
  summaryFolded: false,
  bar: null,
  pane: "attention",
};

type Check = (value: unknown) => boolean;
const isIndex: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const between =
  (low: number, high: number): Check =>
  (value) =>
    typeof value === "number" && value >= low && value <= high;

const isInput: Check = (value) =>
  isObject(value) &&
  (typeof value.text === "string" || (isObject(value.textDocument) && isText(value.textDocument.uri) && isObject(value.range)));
const isBar: Check = (value) =>
  isObject(value) && oneOf("subject", "maxAttention")(value.of) && isText(value.attribute) && isText(value.label);

const CHECKS: Readonly<Record<keyof ViewState, Check>> = {
  version: oneOf(1),
  input: orNull(isInput),
  label: isText,
  model: orNull(isText),
  corpus: orNull(isText),
  stack: oneOf("encoder", "decoder", "cross"),
  layer: isIndex,
  heads: orNull(listOf(isIndex)),
  topPercent: between(0, 100),
  hideSpecial: isFlag,
  words: isFlag,
  combine: oneOf("mean", "sum"),
  segments: oneOf(...SEGMENT_FILTERS),
  pinned: orNull((value) => isObject(value) && oneOf("left", "right")(value.side) && isIndex(value.token)),
  mask: listOf(isIndex),
  space: oneOf("headOutput", "hiddenState"),
  hiddenLayer: orNull(isIndex),
  k: (value) => Number.isInteger(value) && between(1, 1000)(value),
  weighting: oneOf("uniform", "norm"),
  distinct: isFlag,
  filter: (value) => isObject(value) && Object.keys(NO_FILTER).every((key) => isText(value[key])),
  direction: oneOf("outgoing", "incoming"),
  rows: oneOf("auto", "kwic", "wrapped"),
  columns: oneOf("pos", "tag", "dep", "entity"),
  columnsLeft: between(0, 9),
  columnsRight: between(0, 9),
  summaryBy: oneOf("pos", "tag", "dep", "entity"),
  summaryFolded: isFlag,
  bar: orNull(isBar),
  pane: oneOf("attention", "corpus", "summary"),
};

/** Takes what is valid, field by field; the rest keeps its default. null when it is no view state at all. */
export function readViewState(value: unknown): ViewState | null {
  if (!isObject(value) || value.version !== 1) return null;
  const out: Record<string, unknown> = { ...INITIAL };
  for (const key of Object.keys(CHECKS) as (keyof ViewState)[]) {
    if (key in value && CHECKS[key](value[key])) out[key] = value[key];
  }
  return out as unknown as ViewState;
}

/** Base64url of the JSON; only what differs from the defaults travels. */
export function encodeViewState(view: ViewState): string {
  const changed: Record<string, unknown> = { version: 1 };
  for (const key of Object.keys(INITIAL) as (keyof ViewState)[]) {
    if (JSON.stringify(view[key]) !== JSON.stringify(INITIAL[key])) changed[key] = view[key];
  }
  const bytes = new TextEncoder().encode(JSON.stringify(changed));
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): unknown {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))));
}

/** Reads what a person pastes: JSON, `exbert:…`, or a link that ends in the encoded state. */
export function parseViewState(pasted: string): ViewState | null {
  const text = pasted.trim();
  try {
    if (text.startsWith("{")) return readViewState(JSON.parse(text));
    const encoded = /(?:^exbert:|[?&#](?:state|exbert)=)?([A-Za-z0-9_-]{8,})$/.exec(text);
    return encoded === null ? null : readViewState(fromBase64Url(encoded[1]));
  } catch {
    return null;
  }
}
