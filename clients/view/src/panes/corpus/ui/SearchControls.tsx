/** What a person chooses about the search and the display of its contexts. */
import { useState } from "preact/hooks";
import { ANNOTATION_NAMES, ANNOTATION_TITLES, ANNOTATIONS } from "../../../logic/labels";
import { useApp, useController } from "../../../ui/context";
import { Button, Check, Segmented, Select } from "../../../ui/controls";
import { readFilter } from "../logic/filter";
import { strongestRelation } from "../relation";
import { hiddenLayerOf, NO_FILTER, type SearchFilter } from "../state";
import { RELATION_TITLE, useSeen } from "./RelationBar";

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
            title="Separate several values by commas."
            value={filter[key]}
            onChange={(event) => controller.update({ filter: { ...filter, [key]: event.currentTarget.value } })}
          />
        </label>
      ))}
      <Button kind="link" onClick={() => controller.update({ filter: NO_FILTER })}>
        clear
      </Button>
    </div>
  );
}

function SpaceChoice() {
  const controller = useController();
  const { space, relationTo } = useApp((s) => ({ space: s.view.space, relationTo: s.view.relationTo }));
  const strongest = useSeen(strongestRelation);
  return (
    <Segmented
      label="similar in"
      showLabel
      choices={[
        { value: "headOutput", text: "head output", title: "the output of the selected heads at this token" },
        { value: "hiddenState", text: "hidden state", title: "the residual stream at this token" },
        {
          value: "relation",
          text: "relation",
          title: RELATION_TITLE,
          disabled: relationTo === null && strongest === null,
        },
      ]}
      value={relationTo === null ? space : "relation"}
      onChange={(value) => {
        if (value !== "relation") controller.update({ space: value, relationTo: null, bar: null });
        else if (relationTo === null) controller.update({ ...strongest, bar: null });
      }}
    />
  );
}

/** How the corpus is searched. */
export function SearchBar() {
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
        {view.relationTo !== null ? null : view.space === "hiddenState" ? (
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
            title="uniform: the cosine of every head has the same weight; by norm: heads are weighted by their norms, as in the first exBERT"
            value={view.weighting}
            choices={[
              { value: "uniform", text: "uniform" },
              { value: "norm", text: "by norm" },
            ]}
            onChange={(weighting) => controller.update({ weighting: weighting === "norm" ? "norm" : "uniform" })}
          />
        )}
        <label class="field" title="number of contexts, 1 to 1000">
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
        <Check
          label="distinct"
          title="List identical sentences once"
          checked={view.distinct}
          onChange={(distinct) => controller.update({ distinct })}
        />
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
  const step = (key: "columnsLeft" | "columnsRight", by: number) =>
    controller.update({ [key]: Math.max(0, Math.min(6, view[key] + by)) });
  return (
    <span
      class="column-controls"
      role="group"
      aria-label={`Columns of ${ANNOTATION_TITLES[view.columns]} around the match`}
    >
      <Button label="add a column on the left" title="add a column on the left" onClick={() => step("columnsLeft", 1)}>
        +
      </Button>
      <Button
        label="remove a column on the left"
        title="remove a column on the left"
        disabled={view.columnsLeft === 0}
        onClick={() => step("columnsLeft", -1)}
      >
        −
      </Button>
      <span class="column-span">
        −{view.columnsLeft} … +{view.columnsRight}
      </span>
      <Button
        label="remove a column on the right"
        title="remove a column on the right"
        disabled={view.columnsRight === 0}
        onClick={() => step("columnsRight", -1)}
      >
        −
      </Button>
      <Button
        label="add a column on the right"
        title="add a column on the right"
        onClick={() => step("columnsRight", 1)}
      >
        +
      </Button>
      <Button
        label="reset the columns"
        title="back to −1 … +1"
        onClick={() => controller.update({ columnsLeft: 1, columnsRight: 1 })}
      >
        ↺
      </Button>
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
        { value: "auto", text: "auto", title: "lines where there is room, otherwise whole sentences" },
        { value: "kwic", text: "lines", title: "one line each, aligned on the match" },
        { value: "wrapped", text: "whole", title: "whole sentences" },
      ]}
      value={rows}
      onChange={(value) => controller.update({ rows: value })}
    />
  );
}

/** How the contexts are shown. */
export function RowBar() {
  const controller = useController();
  const view = useApp((s) => s.view);
  return (
    <div class="options">
      <Segmented
        label="columns"
        showLabel
        choices={ANNOTATIONS.map((value) => ({
          value,
          text: ANNOTATION_NAMES[value],
          title: ANNOTATION_TITLES[value],
        }))}
        value={view.columns}
        onChange={(columns) => controller.update({ columns })}
      />
      <ColumnControls />
      <Segmented
        label="shaded by attention"
        showLabel
        choices={[
          { value: "outgoing", text: "from", title: "attention from the match to each token" },
          { value: "incoming", text: "to", title: "attention from each token to the match" },
        ]}
        value={view.direction}
        onChange={(direction) => controller.update({ direction, bar: null })}
      />
      <span class="field-label">the match</span>
      <RowsChoice />
    </div>
  );
}

/** What is chosen, in words, and a way to choose otherwise. */
export function Choices(props: { readonly onOpen: () => void }) {
  const { view, wide } = useApp((s) => ({ view: s.view, wide: s.wide }));
  const parts = [
    view.relationTo === null && view.space === "headOutput" && view.weighting === "norm"
      ? "heads weighted by norm"
      : "",
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
      <Button
        kind="link"
        title="Choose what is searched, and how the contexts are listed"
        onClick={props.onOpen}
        label="change search and display"
      >
        change
      </Button>
    </div>
  );
}
