/** Which column a text is shown in, so that it stands beside the view and never over it. */
import * as vscode from "vscode";

export const VIEW_TYPE = "exbert.view";

function isView({ input }: vscode.Tab): boolean {
  // VS Code puts a prefix of its own before the type
  return input instanceof vscode.TabInputWebview && input.viewType.endsWith(VIEW_TYPE);
}

function holds(tab: vscode.Tab, uri: vscode.Uri): boolean {
  const shown = (tab.input as { readonly uri?: vscode.Uri } | undefined)?.uri;
  return shown?.toString() === uri.toString();
}

/** The column where the document is open, else one that has texts, else a new one; never one where the view is in front. */
export function columnFor(uri: vscode.Uri): vscode.ViewColumn {
  const groups = vscode.window.tabGroups.all.filter(({ activeTab }) => activeTab === undefined || !isView(activeTab));
  const withoutView = groups.filter(({ tabs }) => !tabs.some(isView));
  const open = withoutView.find(({ tabs }) => tabs.some((tab) => holds(tab, uri)));
  return (open ?? withoutView[0])?.viewColumn ?? vscode.ViewColumn.Beside;
}
