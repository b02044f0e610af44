/** The settings of schema/plugin.json, read in one place. */
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface Settings {
  readonly model: string;
  readonly corpus: string;
  readonly pipeline: string;
  readonly precision: "int8" | "int4" | "binary";
  readonly followSelection: boolean;
  readonly followDelay: number;
  readonly colorText: boolean;
  readonly trace: boolean;
}

export const DEFAULTS: Settings = {
  model: "",
  corpus: "",
  pipeline: "",
  precision: "int8",
  followSelection: false,
  followDelay: 400,
  colorText: false,
  trace: false,
};

export function readSettings(settings: ISettingRegistry.ISettings | null): Settings {
  const given = (settings?.composite ?? {}) as Partial<Settings>;
  return { ...DEFAULTS, ...given };
}

/** Options for the server; empty means its own default. The device and the folder of corpora are Jupyter's configuration. */
export function initializationOptions(settings: Settings): Record<string, string | boolean> {
  const { model, pipeline, precision, trace } = settings;
  const named = Object.entries({ model, pipeline }).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(named), precision, trace };
}
