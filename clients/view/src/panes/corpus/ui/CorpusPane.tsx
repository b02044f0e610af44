/** Contexts of the corpus that are like the pinned token: a concordance. */
import { useState } from "preact/hooks";
import { type AppState, nameOf, queryToken } from "../../../app";
import * as format from "../../../logic/format";
import { ANNOTATION_NAMES } from "../../../logic/labels";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { Busy, CommandButton, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { countAll, countOwn, shownHits } from "../hits";
import { relationOf, relationTarget } from "../relation";
import { hiddenLayerOf, NO_FILTER } from "../state";
import { HitList } from "./HitList";
import { RelationBar, useSeen, WhichHead } from "./RelationBar";
import { Choices, RowBar, SearchBar } from "./SearchControls";

function BarChip() {
  const controller = useController();
  const { bar, shown, all } = useApp((s) => ({
    bar: s.view.bar,
    shown: shownHits(s).length,
    all: countAll(s),
  }));
  if (bar === null || all === 0) return null;
  return (
    <div class="bar-filter">
      <button
        type="button"
        class="chip"
        onClick={() => controller.update({ bar: null })}
        title="show all contexts again"
      >
        {bar.of === "subject" ? "match" : "strongest attention"} · {ANNOTATION_NAMES[bar.attribute]} ={" "}
        <b>{bar.label}</b> <span aria-hidden="true">×</span>
        <span class="hidden">: show all contexts again</span>
      </button>
      <span class="muted">
        {shown} of {all} contexts
      </span>
    </div>
  );
}

/** The sentence that was searched for finds itself: no news, but one click shows it. */
function OwnSentence() {
  const controller = useController();
  const { own, shown } = useApp((s) => ({ own: countOwn(s), shown: s.view.ownSentence }));
  if (own === 0) return null;
  return (
    <p class="muted">
      {own === 1 ? "One context is" : `${own} contexts are`} of the sentence that you search for
      {shown ? ". " : ": not listed, and not counted in the summary. "}
      <Button kind="link" onClick={() => controller.update({ ownSentence: !shown })}>
        {shown ? "leave it out" : "show it"}
      </Button>
    </p>
  );
}

/** Nothing is listed although something was found. */
function AllHidden() {
  const controller = useController();
  const bar = useApp((s) => s.view.bar);
  return (
    <Empty title="No context is left">
      <p>{bar === null ? "All that was found is the sentence itself." : "No context is behind this bar."}</p>
      <Button onClick={() => controller.update(bar === null ? { ownSentence: true } : { bar: null })}>
        {bar === null ? "Show it" : "Show all contexts"}
      </Button>
    </Empty>
  );
}

/** The corpus is of another model than the text: either can be changed. */
function OtherModel() {
  const controller = useController();
  const { theirs, ours, name } = useApp((s) => ({
    theirs: s.corpora?.find(({ corpus }) => corpus === s.view.corpus)?.model ?? null,
    ours: s.capture?.model.id ?? null,
    name: s.view.corpus,
  }));
  if (ours === null || name === null) return null;
  return (
    <>
      {theirs !== null && theirs !== ours && (
        <Button onClick={() => controller.chooseModel(theirs)}>Use {format.shortModel(theirs)}</Button>
      )}
      <CommandButton name="indexFolder" subject={{ corpus: name }}>
        Index this with {format.shortModel(ours)} …
      </CommandButton>
    </>
  );
}

function NothingYet() {
  const { corpora, corporaStatus, view, capture, query, special, wide, relating } = useApp((s: AppState) => ({
    wide: s.wide,
    corpora: s.corpora,
    corporaStatus: s.corporaStatus,
    view: s.view,
    capture: s.capture,
    query: queryToken(s),
    relating: relationTarget(s) !== null,
    special: s.capture !== null && s.view.pinned !== null && queryToken(s) === null,
  }));
  const controller = useController();
  if (isFailed(corporaStatus)) return <Failed error={corporaStatus.error} onRetry={() => void controller.lists()} />;
  if (isBusy(corporaStatus)) return <Busy what="Loading the list of corpora …" progress={null} />;
  if (view.corpus === null) {
    return (
      <Empty title={corpora !== null && corpora.length === 0 ? "No corpus yet" : "No corpus selected"}>
        <p>
          A corpus is a set of your own texts. The model reads them once; then any token can be compared with every
          token in them.
        </p>
        <CommandButton name="indexFolder" kind="primary">
          Index this folder …
        </CommandButton>
      </Empty>
    );
  }
  if (special) {
    return (
      <Empty title="This token cannot be searched">
        <p>A corpus holds no special tokens and no tokens of a decoder. Pin another token.</p>
      </Empty>
    );
  }
  if (query === null) {
    return (
      <Empty title="Pin a token">
        <p>
          {capture === null ? "Once a text is loaded, click" : "Click"} a token in the attention picture to find the
          most similar contexts in “{view.corpus}”.
        </p>
        {!wide && capture !== null && (
          <Button onClick={() => controller.update({ pane: "attention" })}>Show the tokens</Button>
        )}
      </Empty>
    );
  }
  if (relating) return <WhichHead />;
  if (view.space === "headOutput" && view.heads !== null && view.heads.length === 0) {
    return (
      <Empty title="No head is selected">
        <p>Select one or more heads, or search by hidden state.</p>
      </Empty>
    );
  }
  return null;
}

function Heading() {
  const controller = useController();
  const { view, result } = useApp((s) => ({ view: s.view, result: s.result, query: queryToken(s) }));
  const relation = useSeen(relationOf);
  // a relation is between tokens, also where words are shown
  const name = relation === null ? controller.queryName() : nameOf([relation.source]);
  const heads =
    view.heads === null
      ? "all heads"
      : view.heads.length === 1
        ? `head ${view.heads[0]}`
        : `heads ${format.ranges(view.heads)}`;
  const how =
    relation !== null
      ? `both ends in hidden state ${relation.layer} · head ${relation.layer}.${relation.head}`
      : view.space === "headOutput"
        ? `head output · layer ${view.layer} · ${heads}`
        : `hidden state ${hiddenLayerOf(view)}`;
  const stats = result?.stats;
  return (
    <div class="pane-head">
      <h2 id="exbert-corpus">
        {relation !== null
          ? `Contexts with the relation “${name}” → “${nameOf([relation.target])}”`
          : name === ""
            ? "Contexts"
            : `Contexts like “${name}”`}
      </h2>
      {result !== null && stats !== undefined && (
        <span class="muted">
          {how} · {stats.exact ? "exact" : "approximate"} · {format.compact(stats.searched)} tokens in{" "}
          {Math.max(1, Math.round(stats.milliseconds))} ms
        </span>
      )}
    </div>
  );
}

export function CorpusPane() {
  const controller = useController();
  const [open, setOpen] = useState(false);
  const { search, result, hits, note } = useApp((s) => ({
    search: s.search,
    result: s.result,
    hits: shownHits(s),
    note: s.result?.stats.note ?? null,
  }));
  return (
    <section class="pane corpus" aria-labelledby="exbert-corpus">
      <Heading />
      <RelationBar />
      {open ? (
        <>
          <SearchBar />
          {result !== null && <RowBar />}
          <Button kind="link" onClick={() => setOpen(false)}>
            hide these options
          </Button>
        </>
      ) : (
        <Choices onOpen={() => setOpen(true)} />
      )}
      {isBusy(search) && (
        <Busy
          what={result === null ? "Searching …" : "Searching; dimmed below: the contexts of the search before …"}
          progress={search.progress}
          onCancel={() => controller.parts.corpus.cancel()}
        />
      )}
      {isFailed(search) && (
        <Failed error={search.error} onRetry={() => controller.parts.corpus.retry()}>
          {search.error.data?.kind === "corpusMismatch" && <OtherModel />}
          {["corpusNotFound", "corpusDamaged"].includes(search.error.data?.kind ?? "") && (
            <CommandButton name="indexFolder">Index this folder …</CommandButton>
          )}
        </Failed>
      )}
      {note !== null && (
        <p class="note" role="note">
          {format.sentence(note)}
        </p>
      )}
      <BarChip />
      {result === null && !isBusy(search) && !isFailed(search) && <NothingYet />}
      {result !== null && result.hits.length === 0 && (
        <Empty title="No matches">
          <p>{note === null ? "No token of the corpus matches the filter." : "The note above says why."}</p>
          <Button onClick={() => controller.update({ filter: NO_FILTER })}>Clear the filter</Button>
        </Empty>
      )}
      <OwnSentence />
      {result !== null && result.hits.length > 0 && hits.length === 0 && <AllHidden />}
      {result !== null && hits.length > 0 && <HitList hits={hits} outdated={isBusy(search)} />}
    </section>
  );
}
