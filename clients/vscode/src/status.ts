/** The item in the language status menu: what the server does, and one thing to do about it. */
import * as vscode from "vscode";
import type { ServerEvent } from "./messages";
import { type Server, SYNCED_SCHEMES } from "./server";

export function createStatus(server: Server): vscode.Disposable {
  const selector = SYNCED_SCHEMES.map((scheme) => ({ scheme }));
  const item = vscode.languages.createLanguageStatusItem("exbert.status", selector);
  item.name = "exBERT";
  item.text = "exBERT: not started";
  item.detail = "starts with the first exploration";
  item.command = { command: "exbert.explore", title: "Explore Selection" };
  const show = async (event: ServerEvent): Promise<void> => {
    item.busy = event.kind === "starting";
    switch (event.kind) {
      case "starting":
        item.text = "exBERT: starting";
        item.detail = event.message ?? "";
        item.severity = vscode.LanguageStatusSeverity.Information;
        return;
      case "ready":
      case "restarted": {
        const capability = (await server.current())?.capability;
        item.text = "exBERT: ready";
        item.detail = capability === undefined ? "" : `${capability.defaultModel} on ${capability.device}`;
        item.severity = vscode.LanguageStatusSeverity.Information;
        item.command = { command: "exbert.selectModel", title: "Select Model" };
        return;
      }
      case "crashed":
        item.text = "exBERT: stopped";
        item.detail = event.message ?? "";
        item.severity = vscode.LanguageStatusSeverity.Error;
        item.command = { command: "exbert.restart", title: "Restart Server" };
        return;
      case "missing":
        item.text = "exBERT: not installed";
        item.detail = event.message ?? "";
        item.severity = vscode.LanguageStatusSeverity.Warning;
        item.command = { command: "exbert.install", title: "Install…" };
        return;
    }
  };
  return vscode.Disposable.from(
    item,
    server.onEvent((event) => void show(event)),
  );
}
