/** The extension: puts the parts together. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ILabShell, ILayoutRestorer, IRouter } from "@jupyterlab/application";
import { ICommandPalette, IThemeManager, Notification } from "@jupyterlab/apputils";
import { PageConfig, URLExt } from "@jupyterlab/coreutils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { IStatusBar } from "@jupyterlab/statusbar";
import { watchDocuments } from "./changes";
import { Colors } from "./colors";
import { addCommands, COMMANDS, HOST_COMMANDS } from "./commands";
import { Documents } from "./documents";
import type { Selection } from "./editorText";
import { isHalfEmpty } from "./editorText";
import { follow } from "./follow";
import { PanelHolder } from "./holder";
import { Bridge } from "./jupyter";
import { keptByTab } from "./kept";
import { LINK_PARAMETER, linkIn } from "./link";
import { uriOf } from "./locations";
import { openLocation } from "./open";
import { PANEL_ID } from "./panel";
import { Session } from "./session";
import type { Settings } from "./settings";
import { initializationOptions, readSettings } from "./settings";
import { Shell } from "./shell";
import { StatusItem } from "./status";
import { themeOf } from "./theme";

const PLUGIN_ID = "exbert-jupyterlab:plugin";

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: "Attention, similar contexts of a corpus and what they share, beside the text you select.",
  autoStart: true,
  requires: [IDocumentManager],
  optional: [
    ILabShell,
    ICommandPalette,
    IFileBrowserFactory,
    ILayoutRestorer,
    IRouter,
    ISettingRegistry,
    IStateDB,
    IStatusBar,
    IThemeManager,
  ],
  activate,
};

async function activate(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  lab: ILabShell | null,
  palette: ICommandPalette | null,
  files: IFileBrowserFactory | null,
  restorer: ILayoutRestorer | null,
  router: IRouter | null,
  registry: ISettingRegistry | null,
  database: IStateDB | null,
  statusBar: IStatusBar | null,
  themes: IThemeManager | null,
): Promise<void> {
  const registered = registry?.load(PLUGIN_ID).catch(reportSettings) ?? Promise.resolve(null);
  let settings: Settings = readSettings(null);
  const shell = new Shell(app.shell, lab);
  const bridge = new Bridge();
  const session = new Session({
    open: () => bridge.open(),
    isMissing: async () => (await bridge.status()).state === "missing",
    rootUri: async () => (await bridge.root()).rootUri,
    initializationOptions: () => initializationOptions(settings),
  });
  const watched = new Documents(shell);
  const contrast = window.matchMedia("(prefers-contrast: more), (forced-colors: active)");
  const theme = () => themeOf(themes?.theme ?? null, isLight(themes), contrast.matches);
  const colors = new Colors(
    shell,
    () => settings.colorText,
    () => watched.current,
  );
  const set = async (change: Partial<Settings>) => {
    const store = await registered;
    await Promise.all(Object.entries(change).map(([name, value]) => store?.set(name, value)));
  };
  const holder = new PanelHolder({
    shell,
    kept: shell.isSingle ? keptByTab(window.sessionStorage, window.location.pathname) : database,
    initial: () => ({ version: 1, model: settings.model || null, corpus: settings.corpus || null }),
    beside: () => watched.current,
    context: {
      session,
      theme,
      openLocation: (location) =>
        openLocation(
          {
            shell,
            documents,
            rootUri: async () => (await bridge.root()).rootUri,
            beside: () => watched.current,
            indexAgain: () => void app.commands.execute(COMMANDS.indexFolder),
          },
          location,
        ),
      runCommand: (name) => void app.commands.execute(HOST_COMMANDS[name] ?? COMMANDS.settings),
      chosen: ({ model, corpus }) =>
        void set({ ...(model === null ? {} : { model }), ...(corpus === null ? {} : { corpus }) }),
      color: (coloring) => colors.show(coloring),
      link: (encoded) => linkTo(shell, encoded),
    },
  });
  watchDocuments(shell, (path) => {
    void bridge.root().then(({ rootUri }) => holder.documentChanged(uriOf(path, rootUri)));
  });
  addCommands(
    {
      app,
      bridge,
      session,
      documents,
      files,
      settings: () => settings,
      set,
      selection: () => watched.selection(true),
      inUse: () => ({
        model: holder.inUse?.model ?? (settings.model || null),
        corpus: holder.inUse?.corpus ?? (settings.corpus || null),
      }),
      show: (selection) => holder.show(selection),
      choose: (choice) => holder.choose(choice),
    },
    palette,
  );
  void restorer?.restore(holder.tracker, { command: COMMANDS.open, name: () => PANEL_ID });
  themes?.themeChanged.connect(() => holder.themeChanged());
  contrast.addEventListener("change", () => holder.themeChanged());
  statusBar?.registerStatusItem(`${PLUGIN_ID}:status`, {
    item: new StatusItem(session, () => void app.commands.execute(COMMANDS.open)),
    align: "right",
    rank: 400,
  });
  followSelection(watched, holder, () => settings);
  openLinks(app, router, holder);
  const store = await registered;
  const take = () => {
    const before = JSON.stringify(initializationOptions(settings));
    settings = readSettings(store);
    app.commands.notifyCommandChanged(COMMANDS.follow);
    app.commands.notifyCommandChanged(COMMANDS.colors);
    colors.draw();
    if (session.info !== null && JSON.stringify(initializationOptions(settings)) !== before) {
      void session.notify("workspace/didChangeConfiguration", { settings: initializationOptions(settings) });
    }
  };
  take();
  store?.changed.connect(take);
}

function followSelection(watched: Documents, holder: PanelHolder, settings: () => Settings): void {
  const follower = follow<Selection>({
    read: () => {
      const selection = settings().followSelection && holder.isOpen ? watched.selection(false) : null;
      return selection === null || isHalfEmpty(selection) ? null : selection;
    },
    same: (a, b) => a.text === b.text && a.textPair === b.textPair && a.label === b.label,
    use: (selection) => void holder.show(selection, false),
    delay: () => settings().followDelay,
  });
  document.addEventListener("selectionchange", () => follower.poke());
}

/** `…/lab?exbert=<state>` opens the panel as somebody else saw it. */
function openLinks(app: JupyterFrontEnd, router: IRouter | null, holder: PanelHolder): void {
  if (router === null) {
    return;
  }
  const command = "exbert:open-link";
  app.commands.addCommand(command, {
    label: "Open an exBERT link",
    execute: (args) => {
      const { path, search } = args as { path?: string; search?: string };
      const link = linkIn(search ?? "");
      if (link !== null) {
        router.navigate(path ?? "", { skipRouting: true });
        // not awaited: routing goes on, and the layout is restored only after it
        void app.restored.then(() => holder.show(null)).then(() => holder.choose({ link }));
      }
    },
  });
  router.register({ command, pattern: new RegExp(`[?&]${LINK_PARAMETER}=`), rank: 30 });
}

/** JupyterLab opens it anywhere; a page of Jupyter Notebook has one document, which belongs to the link. */
function linkTo(shell: Shell, encoded: string): string {
  const page = shell.isSingle
    ? window.location.origin + window.location.pathname
    : URLExt.join(PageConfig.getBaseUrl(), "lab");
  return `${page}?${LINK_PARAMETER}=${encoded}`;
}

function isLight(themes: IThemeManager | null): boolean {
  const name = themes?.theme;
  return name == null || themes === null ? true : themes.isLight(name);
}

function reportSettings(error: unknown): null {
  Notification.warning(`exBERT's settings could not be read; defaults are used. ${String(error)}`);
  return null;
}

export default plugin;
