/** The frame: beside each other where there is room, behind tabs where there is not. */
import { useEffect, useLayoutEffect } from "preact/hooks";
import type { Pane } from "../pane";
import { useApp, useController, useSize } from "./context";
import { InputBar } from "./InputBar";
import { moveFocus } from "./roving";
import { CommandButton } from "./states";
import { Toolbar } from "./Toolbar";

const WIDE = 900;

function ServerBanner() {
  const server = useApp((s) => s.server);
  if (server === null || server.kind === "ready") return null;
  const texts = {
    starting: "The exBERT server is starting …",
    crashed: "The exBERT server stopped unexpectedly.",
    restarted: "The exBERT server was restarted. Results were refreshed.",
    missing: "The Python package exbert-rpc is not installed in the selected interpreter.",
  };
  return (
    <div
      class={`banner ${server.kind}`}
      role={server.kind === "starting" || server.kind === "restarted" ? "status" : "alert"}
    >
      <span>{server.message ?? texts[server.kind]}</span>
      {server.kind === "missing" && (
        <CommandButton name="install" kind="primary">
          Install
        </CommandButton>
      )}
      {server.kind === "missing" && <CommandButton name="openSettings">Open settings</CommandButton>}
      {server.kind === "crashed" && (
        <CommandButton name="restartServer" kind="primary">
          Restart
        </CommandButton>
      )}
      {server.kind !== "starting" && server.kind !== "restarted" && (
        <CommandButton name="showLog" kind="link">
          Show log
        </CommandButton>
      )}
      {server.kind === "restarted" && <Dismiss />}
    </div>
  );
}

function Dismiss() {
  const { store } = useController();
  return (
    <button type="button" class="button link" onClick={() => store.set({ server: null })}>
      dismiss
    </button>
  );
}

function Tabs() {
  const controller = useController();
  const { panes } = controller;
  const chosen = useApp((s) => s.view.pane);
  const texts = useApp((s) => panes.map((pane) => pane.tab(s)));
  return (
    <div class="tabs" role="tablist" aria-label="Panes" onKeyDown={moveFocus}>
      {panes.map(({ id }, i) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`exbert-tab-${id}`}
          data-roving
          aria-selected={id === chosen}
          aria-controls="exbert-panel"
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => controller.update({ pane: id })}
        >
          {texts[i]}
        </button>
      ))}
    </div>
  );
}

/** The panes of each column, from left to right and from top to bottom. */
function columnsOf(panes: readonly Pane[]): Pane[][] {
  const numbers = [...new Set(panes.map(({ wide }) => wide.column))].sort((a, b) => a - b);
  return numbers.map((column) =>
    panes.filter(({ wide }) => wide.column === column).sort((a, b) => a.wide.order - b.wide.order),
  );
}

function Panes() {
  const { panes } = useController();
  const { wide, pane } = useApp((s) => ({ wide: s.wide, pane: s.view.pane }));
  if (wide) {
    return (
      <div class="panes wide">
        {columnsOf(panes).map((column) => (
          <div class="column" key={column[0].wide.column}>
            {column.map(({ id, component: Component }) => (
              <Component key={id} />
            ))}
          </div>
        ))}
      </div>
    );
  }
  return (
    <>
      <Tabs />
      <div class="panes narrow" role="tabpanel" id="exbert-panel" aria-labelledby={`exbert-tab-${pane}`} tabIndex={-1}>
        {panes
          .filter(({ id }) => id === pane)
          .map(({ id, component: Component }) => (
            <Component key={id} />
          ))}
      </div>
    </>
  );
}

export function App() {
  const { store } = useController();
  const { theme, wide, notice } = useApp((s) => ({ theme: s.theme, wide: s.wide, notice: s.notice }));
  const { ref, width } = useSize<HTMLDivElement>();
  useLayoutEffect(() => {
    if (width > 0) store.set({ wide: width >= WIDE });
  }, [width]);
  useEffect(() => {
    if (notice === "") return undefined;
    const timer = setTimeout(() => store.set({ notice: "" }), 4000);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class={`exbert ${wide ? "is-wide" : "is-narrow"}`} data-theme={theme} ref={ref}>
      <Toolbar />
      <InputBar />
      <ServerBanner />
      <Panes />
      <div class={`notice${notice === "" ? "" : " shown"}`} role="status" aria-live="polite">
        {notice}
      </div>
    </div>
  );
}
