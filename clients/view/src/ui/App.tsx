/** The frame: beside each other where there is room, behind tabs where there is not. */
import { useEffect, useLayoutEffect } from "preact/hooks";
import type { Pane } from "../state";
import { AttentionPane } from "../panes/attention/ui/AttentionPane";
import { useApp, useController, useSize } from "./context";
import { CorpusPane } from "../panes/corpus/ui/CorpusPane";
import { shownHits } from "../panes/corpus/hits";
import { InputBar } from "./InputBar";
import { moveFocus } from "./roving";
import { CommandButton } from "./states";
import { SummaryPane } from "../panes/summary/ui/SummaryPane";
import { Toolbar } from "./Toolbar";

const WIDE = 900;

function ServerBanner() {
  const server = useApp((s) => s.server);
  if (server === null || server.kind === "ready") return null;
  const texts = {
    starting: "The exBERT server is starting …",
    crashed: "The exBERT server stopped unexpectedly.",
    restarted: "The exBERT server was restarted; what you see was asked anew.",
    missing: "The exbert-rpc package was not found in the chosen Python.",
  };
  return (
    <div class={`banner ${server.kind}`} role={server.kind === "starting" || server.kind === "restarted" ? "status" : "alert"}>
      <span>{server.message ?? texts[server.kind]}</span>
      {server.kind === "missing" && <CommandButton name="install" kind="primary">Install</CommandButton>}
      {server.kind === "missing" && <CommandButton name="openSettings">Open settings</CommandButton>}
      {server.kind === "crashed" && <CommandButton name="restartServer" kind="primary">Restart</CommandButton>}
      {server.kind !== "starting" && server.kind !== "restarted" && <CommandButton name="showLog" kind="link">Show log</CommandButton>}
      {server.kind === "restarted" && <Dismiss />}
    </div>
  );
}

function Dismiss() {
  const { store } = useController();
  return <button type="button" class="button link" onClick={() => store.set({ server: null })}>dismiss</button>;
}

function Tabs() {
  const controller = useController();
  const { pane, hits, all } = useApp((s) => ({ pane: s.view.pane, hits: shownHits(s).length, all: s.result?.hits.length ?? null }));
  const tabs: { readonly id: Pane; readonly text: string }[] = [
    { id: "attention", text: "Attention" },
    { id: "corpus", text: all === null ? "Contexts" : hits === all ? `Contexts ${all}` : `Contexts ${hits}/${all}` },
    { id: "summary", text: "Summary" },
  ];
  return (
    <div class="tabs" role="tablist" aria-label="Panes" onKeyDown={moveFocus}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`exbert-tab-${tab.id}`}
          data-roving
          aria-selected={tab.id === pane}
          aria-controls="exbert-panel"
          tabIndex={tab.id === pane ? 0 : -1}
          onClick={() => controller.update({ pane: tab.id })}
        >
          {tab.text}
        </button>
      ))}
    </div>
  );
}

function Panes() {
  const { wide, pane } = useApp((s) => ({ wide: s.wide, pane: s.view.pane }));
  if (wide) {
    return (
      <div class="panes wide">
        <div class="column"><AttentionPane /></div>
        <div class="column"><SummaryPane /><CorpusPane /></div>
      </div>
    );
  }
  return (
    <>
      <Tabs />
      <div class="panes narrow" role="tabpanel" id="exbert-panel" aria-labelledby={`exbert-tab-${pane}`} tabIndex={-1}>
        {pane === "attention" && <AttentionPane />}
        {pane === "corpus" && <CorpusPane />}
        {pane === "summary" && <SummaryPane />}
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
      <div class={`notice${notice === "" ? "" : " shown"}`} role="status" aria-live="polite">{notice}</div>
    </div>
  );
}
