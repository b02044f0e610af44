/** The settings of a person, read once each time they are needed. Everything that reads configuration is here. */
import * as vscode from "vscode";
import type { IndexParams } from "../../../protocol/types";

/** What the *Install* button installs, and how pip is told to. */
export interface InstallSettings {
  readonly package: string;
  readonly torchIndex: string;
  readonly pipOptions: Readonly<Record<string, unknown>>;
}

type Precision = NonNullable<IndexParams["precision"]>;

export interface Settings {
  readonly interpreter: string;
  readonly install: InstallSettings;
  readonly model: string;
  readonly pipeline: string;
  readonly corpus: string;
  readonly corpusFolder: string;
  readonly device: string;
  readonly allowNetwork: boolean;
  readonly followSelection: boolean;
  readonly followDelay: number;
  readonly colorText: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly precision: Precision;
  readonly indexOnSave: boolean;
  readonly maxCharacters: number;
  readonly timeout: number;
  readonly serverArguments: readonly string[];
  readonly serverOptions: Readonly<Record<string, unknown>>;
}

export function readSettings(scope?: vscode.Uri): Settings {
  const configuration = vscode.workspace.getConfiguration("exbert", scope ?? firstFolder());
  const get = <T>(key: string, fallback: T): T => configuration.get<T>(key) ?? fallback;
  return {
    interpreter: get("interpreter", ""),
    install: {
      package: get("package", "exbert-rpc").trim(),
      torchIndex: torchIndex(get("install.torchIndex", "auto").trim(), process.platform),
      pipOptions: get("install.pipOptions", {}),
    },
    model: get("model", "").trim(),
    pipeline: get("pipeline", "").trim(),
    corpus: get("corpus", "").trim(),
    corpusFolder: get("corpusFolder", "").trim(),
    device: get("device", "auto"),
    allowNetwork: get("allowNetwork", false),
    followSelection: get("followSelection", false),
    followDelay: get("followDelay", 350),
    colorText: get("colorText", false),
    include: get("index.include", []),
    exclude: get("index.exclude", []),
    precision: get<Precision>("index.precision", "int8"),
    indexOnSave: get("index.onSave", false),
    maxCharacters: get("limits.maxCharacters", 20000),
    timeout: get("limits.timeout", 180) * 1000,
    serverArguments: get("server.arguments", []),
    serverOptions: get("server.options", {}),
  };
}

/** PyPI has builds for CPUs for every system but Linux, where it has those for CUDA. */
function torchIndex(setting: string, platform: NodeJS.Platform): string {
  if (setting !== "auto") return setting;
  return platform === "linux" ? "https://download.pytorch.org/whl/cpu" : "";
}

/** Takes back the choice of an interpreter wherever it was made, the workspace first. */
export async function forgetInterpreter(): Promise<void> {
  const targets = [
    vscode.ConfigurationTarget.WorkspaceFolder,
    vscode.ConfigurationTarget.Workspace,
    vscode.ConfigurationTarget.Global,
  ];
  for (const target of targets) {
    if (readSettings().interpreter === "") return;
    const configuration = vscode.workspace.getConfiguration("exbert", firstFolder());
    const chosen = configuration.inspect("interpreter");
    const values = [chosen?.workspaceFolderValue, chosen?.workspaceValue, chosen?.globalValue];
    if (values[targets.indexOf(target)] !== undefined) await configuration.update("interpreter", undefined, target);
  }
}

/** Where a choice that a command made is kept: the workspace if there is one, else the person's settings. */
export async function writeSetting(
  key: "model" | "corpus" | "interpreter" | "followSelection" | "colorText",
  value: unknown,
): Promise<void> {
  const target =
    firstFolder() === undefined || key === "followSelection" || key === "colorText"
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await vscode.workspace.getConfiguration("exbert").update(key, value, target);
}

export function firstFolder(): vscode.Uri | undefined {
  return vscode.workspace.workspaceFolders?.[0]?.uri;
}
