/** Contexts of the corpus in which the model does most nearly the same as at the pinned token. */
import "./corpus.css";
import type { PaneOf } from "../../pane";
import { corpusActions } from "./actions";
import { countAll, shownHits } from "./hits";
import { ContextSearch } from "./search";
import { CORPUS_DATA, CORPUS_VIEW, type CorpusData, type CorpusView } from "./state";
import { CorpusPane } from "./ui/CorpusPane";

export const corpus: PaneOf<"corpus", CorpusView, CorpusData, ContextSearch> = {
  id: "corpus",
  tab: (state) => {
    if (state.result === null) return "Contexts";
    const all = countAll(state);
    const shown = shownHits(state).length;
    return shown === all ? `Contexts ${all}` : `Contexts ${shown}/${all}`;
  },
  wide: { column: 1, order: 1 },
  view: CORPUS_VIEW,
  data: CORPUS_DATA,
  component: CorpusPane,
  start: (controller) => new ContextSearch(controller),
  actions: corpusActions,
};
