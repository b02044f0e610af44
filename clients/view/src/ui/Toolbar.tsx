/** What holds for all panes: model, corpus, layer, heads. */
import { attentionLayersOf, layersOf, stacksOf } from "../app";
import type { Controller } from "../control/controller";
import type { HostCommand } from "../host";
import * as format from "../logic/format";
import { headColor, inkOn, modeOf } from "../logic/palette";
import type { Stack } from "../state";
import { useApp, useController } from "./context";
import { Button, Segmented, Select } from "./controls";
import { moveFocus } from "./roving";

/** A choice that the host makes: by its own pickers. */
const ASK_HOST = "\u0000";

function can(controller: Controller, command: HostCommand): boolean {
  return controller.host.commands === undefined || controller.host.commands.includes(command);
}

/** Runs the host's command and puts the picker back to what is chosen. */
function ask(controller: Controller, command: HostCommand): void {
  controller.host.runCommand(command);
  controller.store.set({ view: { ...controller.store.get().view } });
}

function ModelPicker() {
  const controller = useController();
  const { models, model, loaded } = useApp((s) => ({
    models: s.models,
    model: s.view.model,
    loaded: s.capture?.model ?? null,
  }));
  const chosen = model ?? loaded?.id ?? models?.find((one) => one.isDefault)?.id ?? "";
  const ids = new Set([...(models ?? []).map((one) => one.id), ...(chosen === "" ? [] : [chosen])]);
  const title =
    loaded === null
      ? "Model"
      : `${loaded.id} · ${loaded.architecture} · ${loaded.nLayers} layers × ${loaded.nHeads} heads · ${loaded.device}`;
  if (ids.size === 0) return null;
  return (
    <Select
      label="Model"
      title={title}
      value={chosen}
      choices={[
        ...[...ids].map((id) => ({ value: id, text: format.shortModel(id) })),
        ...(can(controller, "selectModel") ? [{ value: ASK_HOST, text: "another model …" }] : []),
      ]}
      onChange={(id) => (id === ASK_HOST ? ask(controller, "selectModel") : controller.chooseModel(id))}
    />
  );
}

function CorpusPicker() {
  const controller = useController();
  const { corpora, corpus } = useApp((s) => ({ corpora: s.corpora, corpus: s.view.corpus }));
  const known = (corpora ?? []).map((one) => ({
    value: one.corpus,
    text: `${one.corpus} · ${format.compact(one.tokens)} tokens · ${format.shortModel(one.model)}`,
  }));
  if (corpus !== null && !known.some((one) => one.value === corpus)) known.push({ value: corpus, text: corpus });
  const choices = [
    ...(corpus === null ? [{ value: "", text: "no corpus" }] : []),
    ...known,
    ...(can(controller, "indexFolder") ? [{ value: ASK_HOST, text: "index a folder …" }] : []),
  ];
  const change = (value: string) => {
    if (value === ASK_HOST) ask(controller, "indexFolder");
    else controller.chooseCorpus(value === "" ? null : value);
  };
  return (
    <Select
      label="Corpus"
      title="The corpus whose contexts are searched"
      value={corpus ?? ""}
      choices={choices}
      onChange={change}
    />
  );
}

/** More layers than this do not fit beside each other in a narrow panel. */
const STRIP = 13;

const STACK_TITLES: Readonly<Record<Stack, string>> = {
  encoder: "self-attention of the encoder",
  decoder: "self-attention of the decoder",
  cross: "cross-attention from the decoder to the encoder",
};

function LayerPicker() {
  const controller = useController();
  const { layer, capture, stack, wide } = useApp((s) => ({
    layer: s.view.layer,
    capture: s.capture,
    stack: s.view.stack,
    wide: s.wide,
  }));
  if (capture === null) return null;
  const stacks = stacksOf(capture);
  const attending = attentionLayersOf(capture, stack);
  const choices = Array.from({ length: layersOf(capture, stack) }, (_, i) => ({
    value: i,
    text: String(i),
    title: attending.includes(i) ? `layer ${i}` : `layer ${i} has no attention, so it has no heads`,
    disabled: !attending.includes(i),
  }));
  return (
    <>
      {stacks.length > 1 && (
        <Segmented
          label="attention of"
          choices={stacks.map((value) => ({ value, text: value, title: STACK_TITLES[value] }))}
          value={stack}
          onChange={(value) => controller.setStack(value)}
        />
      )}
      {wide || choices.length <= STRIP ? (
        <Segmented
          label="layer"
          showLabel
          compact
          choices={choices}
          value={layer}
          onChange={(value) => controller.setLayer(value)}
        />
      ) : (
        <Select
          label="layer"
          title="The layer whose heads are shown"
          showLabel
          value={String(layer)}
          choices={choices.map(({ text, value, disabled }) => ({ text, value: String(value), disabled }))}
          onChange={(value) => controller.setLayer(Number(value))}
        />
      )}
    </>
  );
}

function HeadPicker() {
  const controller = useController();
  const { heads, n, theme } = useApp((s) => ({ heads: s.view.heads, n: s.capture?.model.nHeads ?? 0, theme: s.theme }));
  if (n === 0) return null;
  const mode = modeOf(theme);
  return (
    <div class="field">
      <span class="field-label" aria-hidden="true">
        heads
      </span>
      <div
        class="heads"
        role="group"
        aria-label="Heads. Focus previews a head, Enter or Space toggles it."
        onKeyDown={moveFocus}
      >
        {Array.from({ length: n }, (_, head) => {
          const on = heads === null || heads.includes(head);
          const color = headColor(head, mode);
          return (
            <button
              key={head}
              type="button"
              data-roving
              class="head"
              aria-pressed={on}
              aria-label={`head ${head}`}
              title={`head ${head}: click to ${on ? "hide" : "include"} it, double-click to show it alone`}
              tabIndex={head === 0 ? 0 : -1}
              style={
                on ? { backgroundColor: color, color: inkOn(color), borderColor: color } : { borderBottomColor: color }
              }
              onClick={() => controller.toggleHead(head)}
              onDblClick={() => controller.setHeads([head])}
              onMouseEnter={() => controller.preview(head)}
              onMouseLeave={() => controller.preview(null)}
              onFocus={() => controller.preview(head)}
              onBlur={() => controller.preview(null)}
            >
              {head}
            </button>
          );
        })}
      </div>
      <Button
        kind="link"
        title="Select all heads of the layer"
        onClick={() => controller.setHeads(null)}
        label="all heads"
      >
        all
      </Button>
      <Button kind="link" title="Select no head" onClick={() => controller.setHeads([])} label="none of the heads">
        none
      </Button>
    </div>
  );
}

export function Toolbar() {
  return (
    <div class="toolbar" role="group" aria-label="Model, corpus, layer and heads">
      <div class="pickers">
        <ModelPicker />
        <CorpusPicker />
      </div>
      <LayerPicker />
      <HeadPicker />
    </div>
  );
}
