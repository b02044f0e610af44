/** Where VS Code comes in: puts the parts together. Nothing is started until something is asked for. */
import * as vscode from "vscode";
import { Colors } from "./colors";
import { Commands } from "./commands";
import { onInterpreterChange } from "./environment";
import { followSelection } from "./follow";
import { Indexer } from "./indexing";
import { Installer } from "./installer";
import { reindexOnSave } from "./reindexing";
import { Server } from "./server";
import { createStatus } from "./status";
import { Views } from "./views";

const LAUNCH_SETTINGS = ["interpreter", "server.arguments", "corpusFolder", "device", "allowNetwork", "server.options"];
const OPTIONS = ["model", "pipeline", "index.precision"];
let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("exBERT", { log: true });
  const trace = vscode.window.createOutputChannel("exBERT Trace");
  const environments = vscode.Uri.joinPath(context.globalStorageUri, "environments").fsPath;
  const server = new Server(log, trace, context.extensionPath, environments);
  const installer = new Installer(log, environments, context.extensionPath);
  running = server;
  const indexer = new Indexer(server, context.workspaceState, log);
  const colors = new Colors();
  const views: Views = new Views({
    extensionUri: context.extensionUri,
    extensionId: context.extension.id,
    server,
    log,
    runCommand: (name, subject) => commands.run(name, subject),
    color: (coloring) => colors.show(coloring),
    onChosen: (use) => void commands.guard(() => commands.keepChoice(use)),
  });
  const commands = new Commands({ context, server, views, indexer, colors, installer, log });
  context.subscriptions.push(
    log,
    trace,
    server,
    installer,
    views.registerSerializer(),
    commands.register(),
    colors,
    createStatus(server),
    followSelection(
      () => views.isVisible(),
      ({ selection, uri, offset }) => {
        colors.from(uri, offset);
        views.explore(selection);
      },
    ),
    reindexOnSave(
      indexer,
      (corpus) => views.prefer({ corpus }),
      (error) => log.error(String(error)),
    ),
    server.onEvent(
      (event) =>
        void vscode.commands.executeCommand(
          "setContext",
          "exbert.ready",
          event.kind === "ready" || event.kind === "restarted",
        ),
    ),
    server.onEvent((event) => {
      // an open view shows it
      if (event.kind === "crashed" && !views.isVisible()) void commands.showCrash(event.message ?? "");
    }),
    vscode.window.registerUriHandler({
      handleUri: (uri) => views.openLink(new URLSearchParams(uri.query).get("state") ?? ""),
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (LAUNCH_SETTINGS.some((key) => event.affectsConfiguration(`exbert.${key}`))) void commands.relaunch();
      else if (OPTIONS.some((key) => event.affectsConfiguration(`exbert.${key}`)))
        void commands.guard(() => server.reconfigure());
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void commands.relaunch()),
  );
  // only once an interpreter has been asked for: until then the Python extensions are left asleep
  const first = server.onEvent(() => {
    first.dispose();
    void onInterpreterChange(() => void commands.relaunch()).then((listener) => context.subscriptions.push(listener));
  });
}

/** VS Code waits for this, so that the server ends before its editor does. */
export async function deactivate(): Promise<void> {
  await running?.stop();
}
