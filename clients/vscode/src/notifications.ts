/** Errors as notifications, each with what can be done about it. */
import * as vscode from "vscode";
import { withHint } from "../../shared/src/sentences";
import { ClientFailure, toHostError } from "./pure/failures";

export interface Remedies {
  install(): void;
  openSetting(): void;
  showLog(): void;
  restart(): void;
}

/** Shows an error with the buttons that fit it. Resolves when the notification is gone. */
export async function showError(error: unknown, remedies: Remedies): Promise<void> {
  const { message, data } = toHostError(error);
  const text = withHint(message, data?.hint);
  const buttons = buttonsFor(error);
  const answer = await vscode.window.showErrorMessage(text, ...buttons);
  switch (answer) {
    case "Install":
      return remedies.install();
    case "Open Setting":
      return remedies.openSetting();
    case "Show Log":
      return remedies.showLog();
    case "Restart Server":
      return remedies.restart();
    case undefined:
      return undefined;
  }
}

type Button = "Install" | "Open Setting" | "Show Log" | "Restart Server";

function buttonsFor(error: unknown): Button[] {
  if (!(error instanceof ClientFailure)) return ["Show Log"];
  switch (error.kind) {
    case "serverMissing":
    case "protocolMismatch":
      return ["Install", "Open Setting", "Show Log"];
    case "serverDied":
    case "timeout":
    case "connectionLost":
      return ["Restart Server", "Show Log"];
  }
}
