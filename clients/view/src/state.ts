/** What the view remembers: a person's choices, in one JSON object that can be kept, sent and restored. */
import type { TextInput } from "./host";
import { type Check, type Checks, isFlag, isIndex, isObject, isText, listOf, oneOf, orNull } from "./logic/checks";
import type { Pane, ViewOf } from "./pane";
import type { PANES } from "./panes";

export type Stack = "encoder" | "decoder" | "cross";
export type Side = "left" | "right";

/** One head. */
export interface HeadAt {
  readonly layer: number;
  readonly head: number;
}

export interface Pin {
  readonly side: Side;
  /** Token index, also when words are shown. */
  readonly token: number;
}

/** The choices that hold for all panes. */
export interface SharedView {
  readonly version: 1;
  readonly input: TextInput | null;
  readonly label: string;
  /** The Markdown that the text was selected from; null: the text is as it was selected. */
  readonly source: string | null;
  /** Whether the model reads Markdown without its markup. */
  readonly asProse: boolean;
  /** null: the server's default. */
  readonly model: string | null;
  readonly corpus: string | null;
  readonly stack: Stack;
  readonly layer: number;
  /** null: all heads, however many there are; []: none. */
  readonly heads: readonly number[] | null;
  readonly pinned: Pin | null;
  /** Token indices that are masked when the text is read. */
  readonly mask: readonly number[];
  /** Heads that are off when the text is read; [] for the model as it is. */
  readonly without: readonly HeadAt[];
  /** What a head that is off gives: its mean over ordinary text, or zero. */
  readonly withoutMode: "mean" | "zero";
  /** Tokens that the model writes behind the text when it is read. */
  readonly generate: number;
  /** The id of the pane whose tab is chosen. */
  readonly pane: string;
}

/** The shared choices and those of each pane. */
export type ViewState = SharedView & ViewOf<typeof PANES>;

/** Reads and writes the view state of a list of panes. */
export interface StateCodec {
  /** What a field that a link leaves out means. */
  readonly initial: ViewState;
  /** What a view begins with where nothing was kept. */
  readonly fresh: ViewState;
  /** What another text, model, corpus or token sets back. */
  readonly perQuery: Partial<ViewState>;
  /** Takes what is valid, field by field; the rest keeps its default. null when it is not a view state at all. */
  read(value: unknown): ViewState | null;
  /** Base64url of the JSON; only what differs from the defaults travels. */
  encode(view: ViewState): string;
  /** Reads what a person pastes: JSON, `exbert:…`, or a link that ends in the encoded state. */
  parse(pasted: string): ViewState | null;
}

const isMessage: Check = (value) => isObject(value) && isText(value.role) && typeof value.content === "string";

const isInput: Check = (value) =>
  isObject(value) &&
  (typeof value.text === "string" ||
    listOf(isMessage)(value.messages) ||
    (isObject(value.textDocument) && isText(value.textDocument.uri) && isObject(value.range)));

const isHeadAt: Check = (value) => isObject(value) && isIndex(value.layer) && isIndex(value.head);

function sharedInitial(pane: string): SharedView {
  return {
    version: 1,
    input: null,
    label: "",
    source: null,
    asProse: true,
    model: null,
    corpus: null,
    stack: "encoder",
    layer: 0,
    heads: null,
    pinned: null,
    mask: [],
    without: [],
    withoutMode: "mean",
    generate: 0,
    pane,
  };
}

function sharedChecks(panes: readonly Pane[]): Checks<SharedView> {
  return {
    version: oneOf(1),
    input: orNull(isInput),
    label: isText,
    source: orNull(isText),
    asProse: isFlag,
    model: orNull(isText),
    corpus: orNull(isText),
    stack: oneOf("encoder", "decoder", "cross"),
    layer: isIndex,
    heads: orNull(listOf(isIndex)),
    pinned: orNull((value) => isObject(value) && oneOf("left", "right")(value.side) && isIndex(value.token)),
    mask: listOf(isIndex),
    without: listOf(isHeadAt),
    withoutMode: oneOf("mean", "zero"),
    generate: isIndex,
    pane: oneOf(...panes.map(({ id }) => id)),
  };
}

/** Adds up fields; throws where two parts define the same one. */
export function combine(parts: readonly (readonly [owner: string, fields: object])[]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const owners = new Map<string, string>();
  for (const [owner, fields] of parts) {
    for (const [name, value] of Object.entries(fields)) {
      const other = owners.get(name);
      if (other !== undefined)
        throw new Error(`The field “${name}” is defined by “${other}” and by “${owner}”. Rename one.`);
      owners.set(name, owner);
      out[name] = value;
    }
  }
  return out;
}

function fromBase64Url(text: string): unknown {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))));
}

function toBase64Url(value: unknown): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(JSON.stringify(value))) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Composes the view state of the shared choices and each pane's slice. Throws where two define the same field. */
export function composeState(panes: readonly Pane[]): StateCodec {
  const slices = panes.map(({ id, view }) => [id, view] as const);
  const initial = combine([
    ["the view", sharedInitial(panes[0].id)],
    ...slices.map(([id, slice]) => [id, slice.initial] as const),
  ]) as unknown as ViewState;
  const checks = combine([
    ["the view", sharedChecks(panes)],
    ...slices.map(([id, slice]) => [id, slice.checks] as const),
  ]) as Record<keyof ViewState, Check>;
  const keys = Object.keys(initial) as (keyof ViewState)[];
  const fresh = Object.assign({}, initial, ...panes.map(({ view }) => view.fresh)) as ViewState;
  const perQuery = Object.fromEntries(
    slices.flatMap(([, slice]) => (slice.perQuery ?? []).map((key) => [key, initial[key as keyof ViewState]])),
  );

  const read = (value: unknown): ViewState | null => {
    if (!isObject(value) || value.version !== 1) return null;
    const valid = keys.filter((key) => key in value && checks[key](value[key]));
    return { ...initial, ...Object.fromEntries(valid.map((key) => [key, value[key]])) };
  };
  const encode = (view: ViewState): string => {
    const changed = keys.filter((key) => JSON.stringify(view[key]) !== JSON.stringify(initial[key]));
    return toBase64Url({ version: 1, ...Object.fromEntries(changed.map((key) => [key, view[key]])) });
  };
  const parse = (pasted: string): ViewState | null => {
    const text = pasted.trim();
    try {
      if (text.startsWith("{")) return read(JSON.parse(text));
      const encoded = /(?:^exbert:|[?&#](?:state|exbert)=)?([A-Za-z0-9_-]{8,})$/.exec(text);
      return encoded === null ? null : read(fromBase64Url(encoded[1]));
    } catch {
      return null;
    }
  };
  return { initial, fresh, perQuery, read, encode, parse };
}
