/** Every head of every layer at a glance; choosing one shows it above. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { layersOf } from "../app";
import { inkOf } from "../draw/ink";
import { drawOverview, layoutOverview, overviewSize } from "../draw/overview";
import { headColor, modeOf } from "../logic/palette";
import { sizeCanvas, useApp, useController, useFrame, useSize } from "./context";
import { stepOf, stepTo } from "./roving";

export function Overview() {
  const controller = useController();
  const { thumbnails, capture, view, theme } = useApp((s) => ({
    thumbnails: s.thumbnails,
    capture: s.capture,
    view: s.view,
    theme: s.theme,
  }));
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [active, setActive] = useState({ layer: 0, head: 0 });
  const nLayers = capture === null ? 0 : layersOf(capture, view.stack);
  const nHeads = capture?.model.nHeads ?? 0;
  const layout = layoutOverview(width, nLayers, nHeads);
  const size = overviewSize(layout);
  const mode = modeOf(theme);
  const schedule = useFrame(() => {
    if (canvas.current === null) return;
    const context = sizeCanvas(canvas.current, size.width, size.height);
    if (context !== null) drawOverview(context, layout, thumbnails, { hideSpecial: view.hideSpecial, ink: inkOf(theme), mode });
  });
  useLayoutEffect(schedule, [thumbnails, view.hideSpecial, theme, width, nLayers, nHeads]);
  const missing = thumbnails.filter((one) => one === null).length;
  const tabStop = active.layer < nLayers && active.head < nHeads ? active : { layer: 0, head: 0 };

  const keys = (event: KeyboardEvent) => {
    const step = stepOf(event.key);
    if (step === null) return;
    event.preventDefault();
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const next = vertical
      ? { ...tabStop, layer: stepTo(step, tabStop.layer, nLayers) }
      : { ...tabStop, head: stepTo(step, tabStop.head, nHeads) };
    setActive(next);
    ref.current?.querySelector<HTMLElement>(`[data-at="${next.layer}:${next.head}"]`)?.focus();
  };

  return (
    <div class="overview" ref={ref}>
      <div class="pane-head">
        <h3>All heads</h3>
        <span class="muted">
          {nLayers} layers × {nHeads} heads; rows look, columns are looked at{missing > 0 && missing < nLayers ? ` · ${nLayers - missing} of ${nLayers} layers read` : ""}
        </span>
      </div>
      <div class="overview-grid" role="group" aria-label="Heads of all layers; arrows move, Enter shows one alone" onKeyDown={keys} style={{ height: `${size.height}px` }}>
        <canvas ref={canvas} aria-hidden="true" />
        {Array.from({ length: nLayers }, (_, layer) => (
          <div key={layer}>
            <span class="overview-layer" aria-hidden="true" style={{ top: `${layer * (layout.cell + layout.gap) + layout.cell / 2 - 8}px` }}>{layer}</span>
            {Array.from({ length: nHeads }, (_, head) => {
              const on = layer === view.layer && (view.heads === null || view.heads.includes(head));
              return (
                <button
                  key={head}
                  type="button"
                  data-at={`${layer}:${head}`}
                  class={`thumbnail${on ? " on" : ""}`}
                  aria-label={`layer ${layer}, head ${head}`}
                  aria-pressed={on}
                  title={`layer ${layer}, head ${head}`}
                  tabIndex={tabStop.layer === layer && tabStop.head === head ? 0 : -1}
                  style={{
                    left: `${layout.left + head * (layout.cell + layout.gap)}px`,
                    top: `${layer * (layout.cell + layout.gap)}px`,
                    width: `${layout.cell}px`,
                    height: `${layout.cell}px`,
                    outlineColor: headColor(head, mode),
                  }}
                  onFocus={() => setActive({ layer, head })}
                  onClick={() => controller.onlyHead(layer, head)}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
