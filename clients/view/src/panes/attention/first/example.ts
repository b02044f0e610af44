/** A text that shows something, for people who have none at hand. */
import type { Controller } from "../../../control/controller";
import type { Token } from "../../../protocol";
import type { ViewState } from "../../../state";

export const EXAMPLE = {
  text: "The girl ran to a local pub to escape the din of her city.",
  label: "example",
  word: "escape",
} as const;

/** A head of the default model that looks from a verb to the particle before it. */
const KNOWN = { model: /(^|[\\/])all-MiniLM-L6-v2$/i, layer: 2, head: 11 } as const;

/** What the example opens with; another model shows the head that is clearest in the sentence. */
export function exampleChoices(model: string | null): Partial<ViewState> {
  const { layer, head } = KNOWN;
  return model !== null && KNOWN.model.test(model)
    ? { layer, heads: [head], firstLook: { model, layer, head, isExample: true } }
    : { layer: 0, heads: null, firstLook: "wanted" };
}

/** The token that is pinned; -1 where the tokenizer cuts the word otherwise. */
export function exampleToken(tokens: readonly Token[]): number {
  return tokens.findIndex(({ text }) => text.trim() === EXAMPLE.word);
}

export function tryExample(controller: Controller): void {
  const { view, models } = controller.store.get();
  const model = view.model ?? models?.find(({ isDefault }) => isDefault)?.id ?? null;
  controller.update({ ...exampleChoices(model), stack: "encoder" });
  controller.select({ input: { text: EXAMPLE.text }, label: EXAMPLE.label });
}
