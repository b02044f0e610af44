/**
 * What a pane is: a tab, a part of the state, a component, and requests that follow from the state.
 *
 * `panes/index.ts` lists the panes; the frame (`ui/App.tsx`), the state (`state.ts`) and the controller are composed
 * from that list and name no pane.
 */
import type { FunctionComponent } from "preact";
import type { AppState, Capture } from "./app";
import type { Controller } from "./control/controller";
import type { Check, Checks } from "./logic/checks";
import type { AttendResult } from "./protocol";
import type { ViewState } from "./state";

/** A pane's fields of the view state: what a person chose there. They are kept, copied and restored. */
export interface Slice<View extends object> {
  readonly initial: View;
  readonly checks: Checks<View>;
  /** What a view begins with where nothing was kept and no link was opened; the rest is as in `initial`. */
  readonly fresh?: Partial<View>;
  /** Choices about the answer on show: another text, model, corpus or token sets them back to `initial`. */
  readonly perQuery?: readonly (keyof View & string)[];
}

/** The requests of a pane. Each hook is optional. */
export interface PanePart {
  /** The state has changed: ask the server when what is needed differs from what was asked last. */
  changed?(): void;
  /** The text is about to be read again: stop requests about the text before. */
  reading?(): void;
  /** The text was read. The changes that this gives come into the state together with the capture. */
  captured?(answer: AttendResult, capture: Capture, view: ViewState): Partial<AppState>;
  /** A corpus was built or brought up to date, perhaps under the same name. */
  corpusBuilt?(): void;
  /** Abort what is running. Also called when the view is disposed of. */
  cancel?(): void;
}

/** An entry of the menu. */
export interface Action {
  readonly text: string;
  readonly run: () => void;
  readonly disabled?: boolean;
  /** A line is drawn above it. */
  readonly separated?: boolean;
}

/** A pane as the frame sees it. */
export interface Pane {
  readonly id: string;
  /** The text of its tab. */
  readonly tab: (state: AppState) => string;
  /**
   * Where it stands when there is room for several: beside the others (columns from left to right, `order` from top to
   * bottom), or, `"alone"`, on a page of its own.
   */
  readonly wide: { readonly column: number; readonly order: number } | "alone";
  readonly view: {
    readonly initial: object;
    readonly checks: Readonly<Record<string, Check>>;
    readonly fresh?: object;
    readonly perQuery?: readonly string[];
  };
  /** It is about the text as a whole: it stays on show when another text is explored. */
  readonly followsText?: boolean;
  /** Its fields of the app state before anything was asked: what the server answers goes here. Not kept. */
  readonly data: object;
  readonly component: FunctionComponent;
  readonly start: (controller: Controller) => PanePart;
  /** What it adds to the menu. */
  readonly actions?: (controller: Controller, state: AppState) => readonly Action[];
}

/** A pane with the types of what it adds, from which the types of the whole are composed. */
export interface PaneOf<Id extends string, View extends object, Data extends object, Part extends PanePart>
  extends Pane {
  readonly id: Id;
  readonly view: Slice<View>;
  readonly data: Data;
  readonly start: (controller: Controller) => Part;
}

type Intersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends (value: infer All) => void
  ? All
  : never;

/** The fields that panes add to the view state. */
export type ViewOf<Panes extends readonly Pane[]> = Intersection<Panes[number]["view"]["initial"]>;
/** The fields that panes add to the app state. */
export type DataOf<Panes extends readonly Pane[]> = Intersection<Panes[number]["data"]>;
/** The panes' requests, by pane. */
export type PartsOf<Panes extends readonly Pane[]> = {
  readonly [One in Panes[number] as One["id"]]: ReturnType<One["start"]>;
};
