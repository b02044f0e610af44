/** A pane in one file, as a folder of `src/panes/` would hold it: it counts how often each letter stands in the text. */
import type { AppState } from "../../src/app";
import type { Controller } from "../../src/control/controller";
import { oneOf } from "../../src/logic/checks";
import type { PaneOf, PanePart } from "../../src/pane";
import { useApp, useController } from "../../src/ui/context";
import { exporter } from "../../src/ui/exports";

interface ToyView {
  readonly toyCase: "lower" | "upper";
}

interface ToyData {
  readonly toyLetters: number | null;
}

/** What the types of the whole would say if the toy were in the registry. */
export type WithToy<State> = State & ToyData & { readonly view: ToyView };

const toyOf = (state: AppState) => state as WithToy<AppState>;

class ToyPart implements PanePart {
  readonly heard: string[] = [];

  constructor(readonly controller: Controller) {}

  captured(_: unknown, capture: { readonly text: string }): Partial<AppState> {
    this.heard.push("captured");
    return { toyLetters: new Set(capture.text.toLowerCase().match(/[a-z]/g)).size } as Partial<AppState>;
  }

  corpusBuilt(): void {
    this.heard.push("corpusBuilt");
  }

  cancel(): void {
    this.heard.push("cancel");
  }
}

function ToyPane() {
  const controller = useController();
  const { letters, letterCase } = useApp((s) => ({ letters: toyOf(s).toyLetters, letterCase: toyOf(s).view.toyCase }));
  const text = `${letters ?? "no"} letters`;
  return (
    <section class="pane toy">
      <p>{letterCase === "upper" ? text.toUpperCase() : text}</p>
      <button type="button" onClick={() => controller.update({ toyCase: "upper" } as object)}>
        upper case
      </button>
    </section>
  );
}

/** The toy, and the part of it that a controller has started. */
export function makeToy() {
  const parts: ToyPart[] = [];
  const pane: PaneOf<"toy", ToyView, ToyData, ToyPart> = {
    id: "toy",
    tab: (state) => `Toy ${toyOf(state).toyLetters ?? ""}`,
    wide: { column: 9, order: 0 },
    view: { initial: { toyCase: "lower" }, checks: { toyCase: oneOf("lower", "upper") }, perQuery: ["toyCase"] },
    data: { toyLetters: null },
    component: ToyPane,
    start: (controller) => {
      const part = new ToyPart(controller);
      parts.push(part);
      return part;
    },
    actions: (controller, state) => [
      { text: "Save letters as JSON", run: () => exporter(controller).json("letters", toyOf(state).toyLetters) },
    ],
  };
  return { pane, part: () => parts[parts.length - 1] };
}
