/** Installs the Python package in a terminal, where the person sees what happens. */
import * as vscode from "vscode";
import { findInterpreter } from "./environment";
import { readSettings } from "./settings";

/** Runs pip; true when it succeeded. */
export async function installPackage(): Promise<boolean> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage("exBERT installs packages in trusted workspaces only.");
    return false;
  }
  const interpreter = await findInterpreter();
  const execution = new vscode.ProcessExecution(interpreter.path, [
    "-m",
    "pip",
    "install",
    "--upgrade",
    readSettings().package,
  ]);
  const task = new vscode.Task(
    { type: "exbert" },
    vscode.TaskScope.Workspace,
    "Install exbert-rpc",
    "exBERT",
    execution,
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: false, clear: true };
  const running = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    const ended = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution !== running) return;
      ended.dispose();
      resolve(event.exitCode === 0);
    });
  });
}
