/** The relation that is searched for: from the pinned token to one that a head attends to. */
import { type AppState, queryToken } from "../../app";
import type { Token } from "../../protocol";
import type { ViewState } from "../../state";

/** A head, who attends in it, and to what. */
export interface Relation {
  readonly source: Token;
  readonly target: Token;
  readonly layer: number;
  readonly head: number;
}

/** A token that may be attended to, and how much of the attention it gets where that is known. */
export interface TargetChoice {
  readonly token: Token;
  readonly weight: number | null;
}

/** What a relation is read from. */
export type Seen = Pick<AppState, "view" | "capture" | "layer" | "layerShown" | "weightsShown">;

/** The attention `[key]` of one token in one head; null while the layer is on its way, or other weights are shown. */
function rowOf({ layer, layerShown, weightsShown, view }: Seen, head: number, source: number): Float32Array | null {
  if (layer === null || layerShown !== view.layer || weightsShown !== "attention") return null;
  const at = layer.heads.indexOf(head);
  if (at < 0 || source >= layer.nQueries) return null;
  const begin = (at * layer.nQueries + source) * layer.nKeys;
  return layer.values.subarray(begin, begin + layer.nKeys);
}

/** The token that the pair ends at; null where no relation is asked for, or the text has no such token. */
export function relationTarget({ view, capture }: Pick<AppState, "view" | "capture">): Token | null {
  const token = view.relationTo === null ? undefined : capture?.tokens[view.relationTo];
  return token === undefined || token.isSpecial ? null : token;
}

/** The relation that is asked for; null without one, and where it is open which head draws it. */
export function relationOf(state: Pick<AppState, "view" | "capture">): Relation | null {
  const source = queryToken(state);
  const target = relationTarget(state);
  const { heads, layer, stack } = state.view;
  if (source === null || target === null || heads?.length !== 1 || stack !== "encoder") return null;
  return { source, target, layer, head: heads[0] };
}

/** What the pinned token may attend to: the strongest first where the head's attention is here, else as in the text. */
export function targetChoices(state: Seen): TargetChoice[] {
  const source = queryToken(state);
  if (state.capture === null || source === null) return [];
  const row = state.view.heads?.length === 1 ? rowOf(state, state.view.heads[0], source.index) : null;
  const choices = state.capture.tokens
    .filter(({ isSpecial }) => !isSpecial)
    .map((token): TargetChoice => ({ token, weight: row?.[token.index] ?? null }));
  return choices.sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
}

/** The chosen head, or of several the one, that gives a single other token most attention; null while that is unknown. */
export function strongestRelation(state: Seen): Pick<ViewState, "heads" | "relationTo"> | null {
  const source = queryToken(state);
  if (state.capture === null || source === null || state.layer === null || state.view.stack !== "encoder") return null;
  const heads = state.view.heads === null || state.view.heads.length === 0 ? state.layer.heads : state.view.heads;
  const others = state.capture.tokens.filter(({ isSpecial, index }) => !isSpecial && index !== source.index);
  let most = 0;
  let best: Pick<ViewState, "heads" | "relationTo"> | null = null;
  for (const head of heads) {
    const row = rowOf(state, head, source.index);
    for (const { index } of row === null ? [] : others) {
      if ((row?.[index] ?? 0) <= most) continue;
      most = row?.[index] ?? 0;
      best = { heads: [head], relationTo: index };
    }
  }
  return best;
}
