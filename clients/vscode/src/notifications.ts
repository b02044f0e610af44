/** Errors as notifications, each with what can be done about it. */
import * as vscode from "vscode";
import { withHint } from "../../shared/src/sentences";
import { ClientFailure, toHostError } from "./pure/failures";
import { MakingFailed } from "./python/making";
import type { Cause } from "./python/pipOutput";

export interface Remedies {
  install(): void;
  selectInterpreter(): void;
  openSettings(query: string): void;
  showLog(): void;
  restart(): void;
}

/** Shows an error with the buttons that fit it. Resolves when the notification is gone. */
export async function showError(error: unknown, remedies: Remedies): Promise<void> {
  const { message, data } = toHostError(error);
  const text = withHint(message, error instanceof MakingFailed ? error.hint : data?.hint);
  const buttons = buttonsFor(error);
  const answer = await vscode.window.showErrorMessage(text, ...buttons);
  switch (answer) {
    case "Install…":
    case "Update…":
    case "Try Again":
      return remedies.install();
    case "Select Interpreter":
      return remedies.selectInterpreter();
    case "Open Settings":
      return remedies.openSettings("exbert.install");
    case "Show Log":
      return remedies.showLog();
    case "Restart Server":
      return remedies.restart();
    case undefined:
      return undefined;
  }
}

type Button =
  | "Install…"
  | "Update…"
  | "Try Again"
  | "Select Interpreter"
  | "Open Settings"
  | "Show Log"
  | "Restart Server";

const SETTINGS_HELP: ReadonlySet<Cause> = new Set(["network", "certificate", "notFound"]);

function buttonsFor(error: unknown): Button[] {
  if (error instanceof MakingFailed)
    return ["Try Again", ...(SETTINGS_HELP.has(error.why) ? (["Open Settings"] as const) : []), "Show Log"];
  if (!(error instanceof ClientFailure)) return ["Show Log"];
  switch (error.kind) {
    case "serverMissing":
      return ["Install…", "Select Interpreter", "Show Log"];
    case "protocolMismatch":
      return [...(error.packageHelps ? (["Update…"] as const) : []), "Select Interpreter", "Show Log"];
    case "serverDied":
    case "timeout":
    case "connectionLost":
      return ["Restart Server", "Show Log"];
  }
}
