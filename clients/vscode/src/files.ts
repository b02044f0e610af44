/** Saves what the view exports. */
import * as vscode from "vscode";
import type { SavedFile } from "./messages";
import { firstFolder } from "./settings";

/** Asks where, writes, and offers to open it. False when the person changed their mind. */
export async function saveFile(file: SavedFile): Promise<boolean> {
  const folder = firstFolder();
  const extension = file.name.split(".").pop() ?? "";
  const target = await vscode.window.showSaveDialog({
    title: "Save from exBERT",
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, file.name) }),
    ...(extension === "" ? {} : { filters: { [extension.toUpperCase()]: [extension] } }),
  });
  if (target === undefined) return false;
  const bytes = typeof file.data === "string" ? new TextEncoder().encode(file.data) : file.data;
  await vscode.workspace.fs.writeFile(target, bytes);
  void offerToOpen(target);
  return true;
}

async function offerToOpen(target: vscode.Uri): Promise<void> {
  const name = target.path.split("/").pop() ?? target.path;
  const answer = await vscode.window.showInformationMessage(`Saved ${name}.`, "Open");
  if (answer === "Open") await vscode.commands.executeCommand("vscode.open", target);
}
