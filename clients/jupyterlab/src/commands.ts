/** All commands of the extension, their labels and what they do. */
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ICommandPalette } from "@jupyterlab/apputils";
import { Clipboard, Dialog, InputDialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import type { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { Widget } from "@lumino/widgets";
import { withCommas } from "#shared/buildSummary";
import type { Choice, HostCommand, InUse } from "#view";
import type { Selection } from "./editorText";
import { isHalfEmpty } from "./editorText";
import { exbertIcon } from "./icon";
import { chooseSources, indexPaths } from "./indexing";
import type { Bridge } from "./jupyter";
import type { Session } from "./session";
import type { Settings } from "./settings";
import { failure } from "./wording";

export const CATEGORY = "exBERT";

export const COMMANDS = {
  explore: "exbert:explore-selection",
  open: "exbert:open",
  follow: "exbert:toggle-follow-selection",
  colors: "exbert:toggle-colors",
  indexFolder: "exbert:index-folder",
  indexWorkspace: "exbert:index-workspace",
  selectModel: "exbert:select-model",
  selectCorpus: "exbert:select-corpus",
  restart: "exbert:restart-server",
  log: "exbert:show-log",
  debugInfo: "exbert:copy-debug-info",
  settings: "exbert:open-settings",
} as const;

/** What the view's buttons mean in JupyterLab. */
export const HOST_COMMANDS: Readonly<Partial<Record<HostCommand, string>>> = {
  indexFolder: COMMANDS.indexFolder,
  selectModel: COMMANDS.selectModel,
  selectCorpus: COMMANDS.selectCorpus,
  showLog: COMMANDS.log,
  restartServer: COMMANDS.restart,
  openSettings: COMMANDS.settings,
};

export interface CommandContext {
  readonly app: JupyterFrontEnd;
  readonly bridge: Bridge;
  readonly session: Session;
  readonly documents: IDocumentManager;
  readonly files: IFileBrowserFactory | null;
  readonly settings: () => Settings;
  readonly set: (change: Partial<Settings>) => Promise<void>;
  readonly selection: () => Selection | null;
  /** The one notion of the model and the corpus: what the open panel uses, else what the settings say. */
  readonly inUse: () => InUse;
  /** Show the panel, with a text or as it was. */
  readonly show: (selection: Selection | null) => Promise<void>;
  /** Passes a choice to an open panel. */
  readonly choose: (choice: Choice) => void;
}

export function addCommands(context: CommandContext, palette: ICommandPalette | null): void {
  const { app, settings } = context;
  const toggles: Readonly<Record<string, () => boolean>> = {
    [COMMANDS.follow]: () => settings().followSelection,
    [COMMANDS.colors]: () => settings().colorText,
  };
  const add = (id: string, label: string, caption: string, execute: (args: { path?: string }) => unknown) => {
    app.commands.addCommand(id, {
      label: `exBERT: ${label}`,
      caption,
      icon: exbertIcon,
      isToggled: toggles[id],
      isToggleable: id in toggles,
      execute: (args) => execute(args as { path?: string }),
    });
    palette?.addItem({ command: id, category: CATEGORY });
  };
  add(COMMANDS.explore, "Explore Selection", "Attention of the selected text; two selections are a pair", () =>
    explore(context),
  );
  add(COMMANDS.open, "Open Panel", "Show the exBERT panel as it was", () => context.show(null));
  add(COMMANDS.follow, "Follow the Selection", "The panel follows what is selected", () =>
    context.set({ followSelection: !settings().followSelection }),
  );
  add(COMMANDS.colors, "Color the Text", "Color the text by the attention of the token pinned in the panel", () =>
    context.set({ colorText: !settings().colorText }),
  );
  add(COMMANDS.indexFolder, "Index…", "Make a corpus of files and folders", ({ path }) => index(context, path));
  add(COMMANDS.indexWorkspace, "Index All Files", "Make a corpus of all files that Jupyter serves", () =>
    index(context, ""),
  );
  add(COMMANDS.selectModel, "Select Model", "Choose the model", () => selectModel(context));
  add(COMMANDS.selectCorpus, "Select Corpus", "Choose the corpus that is searched", () => selectCorpus(context));
  add(COMMANDS.restart, "Restart Server", "Stop the server and start it again", () => restart(context));
  add(COMMANDS.log, "Show Log", "What the server wrote", () => showLog(context));
  add(COMMANDS.debugInfo, "Copy Debug Info", "Versions and state, for a bug report", () => copyDebugInfo(context));
  add(COMMANDS.settings, "Open Settings", "Settings of exBERT", () =>
    app.commands.execute("settingeditor:open", { query: "exBERT" }),
  );
}

async function explore(context: CommandContext): Promise<void> {
  const selection = context.selection();
  if (selection === null) {
    Notification.info("Nothing is selected. Select text in a document first.", {
      autoClose: 5000,
    });
    return;
  }
  if (isHalfEmpty(selection)) {
    Notification.info("One of the two selections is empty. Select text in both.", { autoClose: 5000 });
    return;
  }
  await context.show(selection);
}

async function index(context: CommandContext, given?: string): Promise<void> {
  const { bridge, session, documents, settings, inUse } = context;
  const paths = given === undefined ? (selectedItems(context) ?? (await chooseSources(documents))) : [given];
  if (paths === null) {
    return;
  }
  const root = async () => (await bridge.root()).root;
  await reported("Indexing", async () => {
    const corpus = await indexPaths(
      { session, root, precision: () => settings().precision, model: inUse().model },
      paths,
    );
    if (corpus !== null) {
      await context.set({ corpus });
      context.choose({ corpus });
    }
  });
}

/** What is selected in the file browser when the command comes out of its context menu; null when it does not. */
function selectedItems({ app, files }: CommandContext): string[] | null {
  const inMenu = app.contextMenuHitTest((node) => node.classList.contains("jp-DirListing-item")) !== undefined;
  const items = inMenu ? [...(files?.tracker.currentWidget?.selectedItems() ?? [])] : [];
  return items.length === 0 ? null : items.map(({ path }) => path.replace(/^[^/]*:/, ""));
}

async function selectModel(context: CommandContext): Promise<void> {
  await reported("Models", async () => {
    const { models } = await context.session.request("listModels", {});
    const labels = models.map(
      ({ id, loaded, isDefault }) => `${id}${isDefault ? " (default)" : ""}${loaded ? " (loaded)" : ""}`,
    );
    const current = models.findIndex(({ id }) => id === context.inUse().model);
    const chosen = await choose("Model", labels, current);
    const model = chosen === null ? undefined : (models[chosen]?.id ?? labels[chosen]);
    if (model !== undefined) {
      await context.set({ model });
      context.choose({ model });
    }
  });
}

async function selectCorpus(context: CommandContext): Promise<void> {
  await reported("Corpora", async () => {
    const { corpora } = await context.session.request("listCorpora", {});
    if (corpora.length === 0) {
      Notification.info("There is no corpus yet. Run “exBERT: Index…”.", { autoClose: 6000 });
      return;
    }
    const labels = corpora.map(
      ({ corpus, documents, tokens, model }) =>
        `${corpus}: ${withCommas(documents)} documents, ${withCommas(tokens)} tokens, ${model}`,
    );
    const chosen = await choose(
      "Corpus",
      labels,
      corpora.findIndex(({ corpus }) => corpus === context.inUse().corpus),
    );
    if (chosen !== null) {
      const { corpus } = corpora[chosen];
      await context.set({ corpus });
      context.choose({ corpus });
    }
  });
}

async function choose(title: string, labels: readonly string[], current: number): Promise<number | null> {
  const answer = await InputDialog.getItem({
    title: `exBERT: ${title}`,
    items: [...labels],
    current: Math.max(0, current),
  });
  const place = answer.button.accept && answer.value !== null ? labels.indexOf(answer.value) : -1;
  return place < 0 ? null : place;
}

async function restart({ bridge, session }: CommandContext): Promise<void> {
  await reported("Restarting", async () => {
    await bridge.restart();
    await session.reconnect();
    Notification.success("The exBERT server was restarted.", { autoClose: 3000 });
  });
}

async function showLog({ bridge }: CommandContext): Promise<void> {
  await reported("Log", async () => {
    const node = document.createElement("pre");
    node.className = "exbert-log";
    node.tabIndex = 0;
    node.textContent = (await bridge.log()) || "The server has written nothing.";
    const body = new Widget({ node });
    await showDialog({ title: "exBERT: log of the server", body, buttons: [Dialog.okButton({ label: "Close" })] });
  });
}

async function copyDebugInfo({ app, bridge, session }: CommandContext): Promise<void> {
  await reported("Debug info", async () => {
    const { root: _root, rootUri: _uri, python: _python, ...status } = await bridge.status();
    const info = {
      jupyterlab: app.version,
      extension: status,
      server: session.info,
      state: session.state,
      browser: navigator.userAgent,
    };
    Clipboard.copyToSystem(JSON.stringify(info, null, 2));
    Notification.success("Debug info was copied. It holds no texts and no paths.", { autoClose: 4000 });
  });
}

/** Runs, and notifies the person of a failure. */
async function reported(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    Notification.error(failure(what, error), { autoClose: false });
  }
}
