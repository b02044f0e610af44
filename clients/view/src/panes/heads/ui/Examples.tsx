/** Contexts in which the head does it: who looks is boxed, what is looked at is shaded. A click opens the line. */

import * as format from "../../../logic/format";
import { locationOf } from "../../../logic/places";
import type { Hit } from "../../../protocol";
import type { ViewState } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { Button, Select } from "../../../ui/controls";
import { Busy, isBusy, isFailed } from "../../../ui/states";
import { lineOf } from "../../corpus/hits";
import { sentencePieces } from "../../corpus/logic/kwic";
import { shownTopic, topicsOf } from "../logic/topics";

function Sentence(props: { readonly hit: Hit }) {
  const { hit } = props;
  return (
    <>
      {sentencePieces(hit).map((piece, i) => {
        const text = piece.text.replace(/\s+/g, " ");
        if (piece.token === hit.match)
          return (
            <b key={i} class="looks">
              {text}
            </b>
          );
        if (piece.token !== null && piece.token === hit.target)
          return (
            <b key={i} class="looked-at">
              {text}
            </b>
          );
        return text;
      })}
    </>
  );
}

function Example(props: { readonly hit: Hit; readonly layer: number; readonly head: number }) {
  const controller = useController();
  const { hit, layer, head } = props;
  const source = `${format.shortUri(hit.document)}:${lineOf(hit)}`;
  const open = () => void controller.host.openLocation(locationOf(hit, controller.store.get().changed));
  const search = (change: Partial<ViewState>) =>
    controller.explore({ input: { text: hit.sentence.text }, label: source }, hit.match, {
      layer,
      heads: [head],
      pane: "corpus",
      ...change,
    });
  return (
    <li class="example">
      <button type="button" class="example-text" title={`Open ${source}`} onClick={open}>
        <span class="muted">{format.weight(hit.score)}</span> <Sentence hit={hit} />
      </button>
      <Button
        kind="link"
        title="Search the corpus for contexts in which this head does the same"
        onClick={() => search({ space: "headOutput" })}
      >
        contexts like this
      </Button>
      {typeof hit.target === "number" && (
        <Button
          kind="link"
          title="Search the corpus for pairs between which this head draws the same relation"
          onClick={() => search({ relationTo: hit.target })}
        >
          same relation
        </Button>
      )}
    </li>
  );
}

export function Examples(props: { readonly layer: number; readonly head: number }) {
  const controller = useController();
  const { examples, status, chosen } = useApp((s) => ({
    examples: s.headExamples,
    status: s.findingExamples,
    chosen: s.view.headTopic,
  }));
  const topics = examples === null ? [] : topicsOf(examples);
  const topic = shownTopic(topics, chosen);
  return (
    <>
      <div class="pane-head">
        <h4>
          Examples <span class="muted">boxed: who looks · shaded: at what · click to open the line</span>
        </h4>
        <span class="spring" />
        {topic !== null && (
          <Select
            label="Examples of"
            title="Choose what the contexts below are examples of"
            value={topic.id}
            choices={topics.map(({ id, name }) => ({ value: id, text: name }))}
            onChange={(headTopic) => controller.update({ headTopic })}
          />
        )}
      </div>
      {isBusy(status) && <Busy what="Looking for examples …" progress={status.progress} />}
      {isFailed(status) && <p class="muted">No examples: {status.error.message}</p>}
      {examples !== null && topic === null && (
        <p class="muted">
          {examples.roles.length + examples.vocabulary.length === 0
            ? "This head has no role and no word to give examples of."
            : "There are no examples of the roles and words of this head."}
        </p>
      )}
      <ul class="examples">
        {topic?.hits.map((hit, i) => (
          <Example key={i} hit={hit} layer={props.layer} head={props.head} />
        ))}
      </ul>
    </>
  );
}
