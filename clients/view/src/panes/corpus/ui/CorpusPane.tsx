/** Contexts of the corpus that are like the pinned token: a concordance. */
import { useState } from "preact/hooks";
import { type AppState, hiddenLayerOf, queryToken } from "../../../app";
import { readFilter } from "../search";
import * as format from "../../../logic/format";
import { ANNOTATION_NAMES, ANNOTATION_TITLES, ANNOTATIONS } from "../../../logic/labels";
import { NO_FILTER, type SearchFilter } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { Button, Check, Segmented, Select } from "../../../ui/controls";
import { HitList } from "./HitList";
import { shownHits } from "../hits";
import { Busy, CommandButton, Empty, Failed, isBusy, isFailed } from "../../../ui/states";

const FILTERS: readonly { readonly key: keyof SearchFilter; readonly name: string; readonly example: string }[] = [
  { key: "pos", name: "POS", example: "VERB, AUX" },
  { key: "dep", name: "DEP", example: "xcomp" },
  { key: "entity", name: "ENT", example: "PERSON" },
  { key: "token", name: "token", example: "to, for" },
  { key: "documents", name: "documents", example: "**/*.md" },
];

function FilterBar() {
  const controller = useController();
  const filter = useApp((s) => s.view.filter);
  return (
    <div class="filter-bar" role="group" aria-label="The match must be">
      {FILTERS.map(({ key, name, example }) => (
        <label key={key} class="field">
          <span class="field-label">{name}</span>
          <input
            type="text"
            size={9}
            placeholder={example}
            title="several: separated by commas"
            value={filter[key]}
            onChange={(event) => controller.update({ filter: { ...filter, [key]: event.currentTarget.value } })}
          />
        </label>
      ))}
      <Button kind="link" onClick={() => controller.update({ filter: NO_FILTER })}>clear</Button>
    </div>
  );
}

function SpaceChoice() {
  const controller = useController();
  const space = useApp((s) => s.view.space);
  return (
    <Segmented
      label="alike in"
      showLabel
      choices={[
        { value: "headOutput", text: "head output", title: "what the chosen heads pass on at this token" },
        { value: "hiddenState", text: "hidden state", title: "the residual stream at this token" },
      ]}
      value={space}
      onChange={(value) => controller.update({ space: value, bar: null })}
    />
  );
}

function SearchBar() {
  const controller = useController();
  const { view, nLayers } = useApp((s) => ({ view: s.view, nLayers: s.capture?.model.nLayers ?? 0 }));
  const [filtering, setFiltering] = useState(readFilter(view.filter) !== null);
  const hidden = Array.from({ length: nLayers + 1 }, (_, i) => ({
    value: String(i),
    text: i === 0 ? "0 · embeddings" : i === nLayers ? `${i} · final` : String(i),
  }));
  return (
    <>
      <div class="options">
        <SpaceChoice />
        {view.space === "hiddenState" ? (
          <Select
            label="state"
            showLabel
            title="0: embedding output; i: output of layer i − 1"
            value={String(hiddenLayerOf(view))}
            choices={hidden}
            onChange={(value) => controller.update({ hiddenLayer: Number(value) })}
          />
        ) : view.heads?.length === 1 ? null : (
          <Select
            label="weighting"
            showLabel
            title="uniform: each head's cosine counts the same; by norm: as exBERT ranked"
            value={view.weighting}
            choices={[{ value: "uniform", text: "uniform" }, { value: "norm", text: "by norm" }]}
            onChange={(weighting) => controller.update({ weighting: weighting === "norm" ? "norm" : "uniform" })}
          />
        )}
        <label class="field" title="how many contexts, 1 to 1000">
          <span class="field-label">k</span>
          <input
            type="number"
            min={1}
            max={1000}
            value={view.k}
            onChange={(event) => {
              const k = Math.round(Number(event.currentTarget.value));
              if (k >= 1 && k <= 1000) controller.update({ k });
              else event.currentTarget.value = String(view.k);
            }}
          />
        </label>
        <Check label="distinct" title="Count identical sentences once" checked={view.distinct} onChange={(distinct) => controller.update({ distinct })} />
        <button type="button" class="button plain" aria-expanded={filtering} onClick={() => setFiltering(!filtering)}>
          filter{readFilter(view.filter) === null ? "" : " •"}
        </button>
      </div>
      {filtering && <FilterBar />}
    </>
  );
}

function ColumnControls() {
  const controller = useController();
  const view = useApp((s) => s.view);
  const step = (key: "columnsLeft" | "columnsRight", by: number) => controller.update({ [key]: Math.max(0, Math.min(6, view[key] + by)) });
  return (
    <span class="column-controls" role="group" aria-label={`Columns of ${ANNOTATION_TITLES[view.columns]} around the match`}>
      <Button label="add a column on the left" title="add a column on the left" onClick={() => step("columnsLeft", 1)}>+</Button>
      <Button label="remove a column on the left" title="remove a column on the left" disabled={view.columnsLeft === 0} onClick={() => step("columnsLeft", -1)}>−</Button>
      <span class="column-span">−{view.columnsLeft} … +{view.columnsRight}</span>
      <Button label="remove a column on the right" title="remove a column on the right" disabled={view.columnsRight === 0} onClick={() => step("columnsRight", -1)}>−</Button>
      <Button label="add a column on the right" title="add a column on the right" onClick={() => step("columnsRight", 1)}>+</Button>
      <Button label="reset the columns" title="back to −1 … +1" onClick={() => controller.update({ columnsLeft: 1, columnsRight: 1 })}>↺</Button>
    </span>
  );
}

function RowsChoice() {
  const controller = useController();
  const rows = useApp((s) => s.view.rows);
  return (
    <Segmented
      label="Rows"
      choices={[
        { value: "auto", text: "auto", title: "lines if there is room, else whole sentences" },
        { value: "kwic", text: "lines", title: "one line each, aligned on the match" },
        { value: "wrapped", text: "whole", title: "whole sentences" },
      ]}
      value={rows}
      onChange={(value) => controller.update({ rows: value })}
    />
  );
}

function RowBar() {
  const controller = useController();
  const view = useApp((s) => s.view);
  return (
    <div class="options">
      <Segmented
        label="columns"
        showLabel
        choices={ANNOTATIONS.map((value) => ({ value, text: ANNOTATION_NAMES[value], title: ANNOTATION_TITLES[value] }))}
        value={view.columns}
        onChange={(columns) => controller.update({ columns })}
      />
      <ColumnControls />
      <Segmented
        label="shaded by attention"
        showLabel
        choices={[
          { value: "outgoing", text: "from", title: "how much the match looks at each token" },
          { value: "incoming", text: "to", title: "how much each token looks at the match" },
        ]}
        value={view.direction}
        onChange={(direction) => controller.update({ direction, bar: null })}
      />
      <span class="field-label">the match</span>
      <RowsChoice />
    </div>
  );
}

function BarChip() {
  const controller = useController();
  const { bar, shown, all } = useApp((s) => ({ bar: s.view.bar, shown: shownHits(s).length, all: s.result?.hits.length ?? 0 }));
  if (bar === null || all === 0) return null;
  return (
    <div class="bar-filter">
      <button type="button" class="chip" onClick={() => controller.setBar(null)} title="show all contexts again">
        {bar.of === "subject" ? "match" : "strongest attention"} · {ANNOTATION_NAMES[bar.attribute]} = <b>{bar.label}</b> <span aria-hidden="true">×</span>
        <span class="hidden">: show all contexts again</span>
      </button>
      <span class="muted">{shown} of {all} contexts</span>
    </div>
  );
}

function NothingYet() {
  const { corpora, corporaStatus, view, capture, query, special, wide } = useApp((s: AppState) => ({
    wide: s.wide,
    corpora: s.corpora,
    corporaStatus: s.corporaStatus,
    view: s.view,
    capture: s.capture,
    query: queryToken(s),
    special: s.capture !== null && s.view.pinned !== null && queryToken(s) === null,
  }));
  const controller = useController();
  if (isFailed(corporaStatus)) return <Failed error={corporaStatus.error} onRetry={() => void controller.lists()} />;
  if (isBusy(corporaStatus)) return <Busy what="Looking for corpora …" progress={null} />;
  if (view.corpus === null) {
    return (
      <Empty title={corpora !== null && corpora.length === 0 ? "No corpus yet" : "No corpus chosen"}>
        <p>A corpus is your own text, read once by the model, so that a token can be compared with every token in it.</p>
        <CommandButton name="indexFolder" kind="primary">Index this folder …</CommandButton>
      </Empty>
    );
  }
  if (special) {
    return <Empty title="This token cannot be searched"><p>Special tokens, and tokens of the decoder, are not in the corpus. Pin another one.</p></Empty>;
  }
  if (query === null) {
    return (
      <Empty title="Pin a token">
        <p>{capture === null ? "Once a text is loaded, click" : "Click"} a token in the attention picture: the contexts of “{view.corpus}” in which
          the model does most nearly the same appear here.</p>
        {!wide && capture !== null && <Button onClick={() => controller.update({ pane: "attention" })}>Show the tokens</Button>}
      </Empty>
    );
  }
  if (view.space === "headOutput" && view.heads !== null && view.heads.length === 0) {
    return <Empty title="No head is chosen"><p>Choose one or more heads, or search by hidden state.</p></Empty>;
  }
  return null;
}

function Heading() {
  const controller = useController();
  const { view, result } = useApp((s) => ({ view: s.view, result: s.result, query: queryToken(s) }));
  const name = controller.queryName();
  const heads = view.heads === null ? "all heads" : view.heads.length === 1 ? `head ${view.heads[0]}` : `heads ${format.ranges(view.heads)}`;
  const how = view.space === "headOutput" ? `head output · layer ${view.layer} · ${heads}` : `hidden state ${hiddenLayerOf(view)}`;
  const stats = result?.stats;
  return (
    <div class="pane-head">
      <h2 id="exbert-corpus">{name === "" ? "Contexts" : `Contexts like “${name}”`}</h2>
      {result !== null && stats !== undefined && (
        <span class="muted">
          {how} · {stats.exact ? "exact" : "approximate"} · {format.compact(stats.searched)} tokens in {Math.max(1, Math.round(stats.milliseconds))} ms
        </span>
      )}
    </div>
  );
}

/** What is chosen, in words, and a way to choose otherwise. */
function Choices(props: { readonly onOpen: () => void }) {
  const { view, wide } = useApp((s) => ({ view: s.view, wide: s.wide }));
  const parts = [
    view.space === "headOutput" && view.weighting === "norm" ? "heads weighted by norm" : "",
    `k ${view.k}`,
    view.distinct ? "distinct" : "",
    readFilter(view.filter) === null ? "" : "filtered",
    `${ANNOTATION_NAMES[view.columns]} columns`,
    wide ? "" : `shaded by attention ${view.direction === "outgoing" ? "from" : "to"} the match`,
  ];
  return (
    <div class="choices">
      {wide && <SpaceChoice />}
      <span class="muted">{parts.filter((part) => part !== "").join(" · ")}</span>{" "}
      <Button kind="link" onClick={props.onOpen} label="change search and display">change</Button>
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
      {open ? (
        <>
          <SearchBar />
          {result !== null && <RowBar />}
          <Button kind="link" onClick={() => setOpen(false)}>hide these choices</Button>
        </>
      ) : (
        <Choices onOpen={() => setOpen(true)} />
      )}
      {isBusy(search) && <Busy what="Searching …" progress={search.progress} onCancel={() => controller.contexts.cancel()} />}
      {isFailed(search) && (
        <Failed error={search.error} onRetry={() => controller.contexts.retry()}>
          {["corpusNotFound", "corpusMismatch", "corpusDamaged"].includes(search.error.data?.kind ?? "") && (
            <CommandButton name="indexFolder">Index this folder …</CommandButton>
          )}
        </Failed>
      )}
      {note !== null && <p class="note" role="note">{format.sentence(note)}</p>}
      <BarChip />
      {result === null && !isBusy(search) && !isFailed(search) && <NothingYet />}
      {result !== null && result.hits.length === 0 && <Empty title="Nothing fits"><p>No token of the corpus meets the filter.</p></Empty>}
      {result !== null && hits.length > 0 && <HitList hits={hits} />}
    </section>
  );
}
