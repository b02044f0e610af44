/** Every head of every layer at a glance; choosing one shows it above. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { attentionLayersOf, layersOf } from "../../../app";
import { inkOf } from "../../../draw/ink";
import { headColor, type Mode, modeOf } from "../../../logic/palette";
import { sizeCanvas, useApp, useController, useFrame, useSize } from "../../../ui/context";
import { memo } from "../../../ui/memo";
import { stepOf, stepTo } from "../../../ui/roving";
import { drawOverview, layoutOverview, type OverviewLayout, overviewSize } from "../draw/overview";
import { hasOverview } from "../parts";

export function Overview() {
  const controller = useController();
  const { thumbnails, capture, theme, ...view } = useApp((s) => ({
    thumbnails: s.thumbnails,
    capture: s.capture,
    theme: s.theme,
    stack: s.view.stack,
    layer: s.view.layer,
    heads: s.view.heads,
    hideSpecial: s.view.hideSpecial,
  }));
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [active, setActive] = useState({ layer: 0, head: 0 });
  const nLayers = capture === null ? 0 : layersOf(capture, view.stack);
  const nHeads = capture?.model.nHeads ?? 0;
  const layout = useMemo(() => layoutOverview(width, nLayers, nHeads), [width, nLayers, nHeads]);
  const size = overviewSize(layout);
  const mode = modeOf(theme);
  const schedule = useFrame(() => {
    if (canvas.current === null) return;
    const context = sizeCanvas(canvas.current, size.width, size.height);
    if (context !== null)
      drawOverview(context, layout, thumbnails, { hideSpecial: view.hideSpecial, ink: inkOf(theme), mode });
  });
  useLayoutEffect(schedule, [thumbnails, view.hideSpecial, theme, width, nLayers, nHeads]);
  const attending = capture === null ? [] : attentionLayersOf(capture, view.stack);
  const missing = attending.filter((layer) => thumbnails[layer] === null).length;
  const tabStop = active.layer < nLayers && active.head < nHeads ? active : { layer: 0, head: 0 };

  const keys = (event: KeyboardEvent) => {
    const step = stepOf(event.key);
    if (step === null) return;
    event.preventDefault();
    const place = (event.target as HTMLElement).dataset.at?.split(":").map(Number) ?? [tabStop.layer, tabStop.head];
    const from = { layer: place[0], head: place[1] };
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const next = vertical
      ? { ...from, layer: stepTo(step, from.layer, nLayers) }
      : { ...from, head: stepTo(step, from.head, nHeads) };
    setActive(next);
    ref.current?.querySelector<HTMLElement>(`[data-at="${next.layer}:${next.head}"]`)?.focus();
  };

  return (
    <div class="overview" ref={ref}>
      <div class="pane-head">
        <h3>All heads</h3>
        <span class="muted">
          {nLayers} layers × {nHeads} heads; rows are queries, columns are keys
          {capture !== null && !hasOverview(capture, view.stack)
            ? " · in so long a text, each layer is drawn once it is chosen"
            : missing > 0 && missing < nLayers
              ? ` · ${nLayers - missing} of ${nLayers} layers loaded`
              : ""}
        </span>
      </div>
      <div
        class="overview-grid"
        role="group"
        aria-label="Heads of all layers. Arrow keys move, Enter shows one head only."
        onKeyDown={keys}
        style={{ height: `${size.height}px` }}
      >
        <canvas ref={canvas} aria-hidden="true" />
        {Array.from({ length: nLayers }, (_, layer) => (
          <OverviewRow
            key={layer}
            layer={layer}
            layout={layout}
            heads={layer === view.layer ? (view.heads === null ? "all" : view.heads.join()) : ""}
            tabStop={tabStop.layer === layer ? tabStop.head : -1}
            mode={mode}
            onFocus={(head) => setActive({ layer, head })}
            onChoose={(head) => controller.onlyHead(layer, head)}
          />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  readonly layer: number;
  readonly layout: OverviewLayout;
  /** "all", or the chosen heads, comma-separated. */
  readonly heads: string;
  /** The head that takes the tab stop, -1 for none. */
  readonly tabStop: number;
  readonly mode: Mode;
  readonly onFocus: (head: number) => void;
  readonly onChoose: (head: number) => void;
}

function Row(props: RowProps) {
  const { layer, layout, mode } = props;
  const step = layout.cell + layout.gap;
  const chosen = new Set(props.heads === "" || props.heads === "all" ? [] : props.heads.split(",").map(Number));
  return (
    <div>
      <span class="overview-layer" aria-hidden="true" style={{ top: `${layer * step + layout.cell / 2 - 8}px` }}>
        {layer}
      </span>
      {Array.from({ length: layout.nHeads }, (_, head) => {
        const on = props.heads === "all" || chosen.has(head);
        return (
          <button
            key={head}
            type="button"
            data-at={`${layer}:${head}`}
            class={`thumbnail${on ? " on" : ""}`}
            aria-label={`layer ${layer}, head ${head}`}
            aria-pressed={on}
            title={`layer ${layer}, head ${head}`}
            tabIndex={props.tabStop === head ? 0 : -1}
            style={{
              left: `${layout.left + head * step}px`,
              top: `${layer * step}px`,
              width: `${layout.cell}px`,
              height: `${layout.cell}px`,
              outlineColor: headColor(head, mode),
            }}
            onFocus={() => props.onFocus(head)}
            onClick={() => props.onChoose(head)}
          />
        );
      })}
    </div>
  );
}

/** A thousand thumbnails need not be compared when one head is toggled. */
const OverviewRow = memo(
  Row,
  (a, b) =>
    a.layer === b.layer && a.layout === b.layout && a.heads === b.heads && a.tabStop === b.tabStop && a.mode === b.mode,
);
