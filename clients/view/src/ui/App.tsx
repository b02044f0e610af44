/** The frame: beside each other where there is room, behind tabs where there is not. */
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { isStale } from "../app";
import type { Pane } from "../pane";
import { useApp, useController, useSize } from "./context";
import { Fallbacks, StaleNote, WithoutBar } from "./frameNotes";
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
  const controller = useController();
  return (
    <button type="button" class="button link" onClick={() => controller.dismissServer()}>
      dismiss
    </button>
  );
}

interface Page {
  readonly id: string;
  readonly panes: readonly Pane[];
}

/** What a tab shows: in little room each pane; else the panes that stand beside each other, and each that stands alone. */
function pagesOf(panes: readonly Pane[], wide: boolean): Page[] {
  const alone = (pane: Pane) => !wide || pane.wide === "alone";
  const beside = panes.filter((pane) => !alone(pane));
  const pages = panes.filter(alone).map((pane) => ({ id: pane.id, panes: [pane] }));
  return beside.length === 0 ? pages : [{ id: beside[0].id, panes: beside }, ...pages];
}

function shownPage(pages: readonly Page[], chosen: string): Page {
  return pages.find(({ panes }) => panes.some(({ id }) => id === chosen)) ?? pages[0];
}

function Tabs(props: { readonly pages: readonly Page[] }) {
  const controller = useController();
  const { pages } = props;
  const shown = shownPage(
    pages,
    useApp((s) => s.view.pane),
  );
  const texts = useApp((s) => pages.map(({ panes }) => panes.map((pane) => pane.tab(s)).join(" · ")));
  return (
    <div class="tabs" role="tablist" aria-label="Panes" onKeyDown={moveFocus}>
      {pages.map(({ id }, i) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`exbert-tab-${id}`}
          data-roving
          aria-selected={id === shown.id}
          aria-controls="exbert-panel"
          tabIndex={id === shown.id ? 0 : -1}
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
  const placed = panes.flatMap((pane) => (pane.wide === "alone" ? [] : [{ pane, ...pane.wide }]));
  const numbers = [...new Set(placed.map(({ column }) => column))].sort((a, b) => a - b);
  return numbers.map((number) =>
    placed
      .filter(({ column }) => column === number)
      .sort((a, b) => a.order - b.order)
      .map(({ pane }) => pane),
  );
}

function Panes() {
  const { panes } = useController();
  const { wide, pane } = useApp((s) => ({ wide: s.wide, pane: s.view.pane }));
  const pages = useMemo(() => pagesOf(panes, wide), [panes, wide]);
  const page = shownPage(pages, pane);
  const panesBox = useRef<HTMLDivElement>(null);
  const { input, stale } = useApp((s) => ({ input: s.view.input, stale: isStale(s) }));
  // another text is read from its top
  useLayoutEffect(() => {
    for (const box of [panesBox.current, ...(panesBox.current?.querySelectorAll(".column") ?? [])])
      if (box !== null) box.scrollTop = 0;
  }, [input]);
  const columns = wide && page.panes.length > 1 ? columnsOf(page.panes) : null;
  const panel = pages.length > 1 && {
    role: "tabpanel" as const,
    id: "exbert-panel",
    "aria-labelledby": `exbert-tab-${page.id}`,
    tabIndex: -1,
  };
  return (
    <>
      {pages.length > 1 && <Tabs pages={pages} />}
      <div ref={panesBox} class={`panes ${columns === null ? "narrow" : "wide"}${stale ? " stale" : ""}`} {...panel}>
        {columns === null
          ? page.panes.map(({ id, component: Component }) => <Component key={id} />)
          : columns.map((column) => (
              <div class="column" key={column[0].id}>
                {column.map(({ id, component: Component }) => (
                  <Component key={id} />
                ))}
              </div>
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
      <WithoutBar />
      <Fallbacks />
      <StaleNote />
      <Panes />
      <div class={`notice${notice === "" ? "" : " shown"}`} role="status" aria-live="polite">
        {notice}
      </div>
    </div>
  );
}
