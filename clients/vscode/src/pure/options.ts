/** The extension's settings as the server's options (`initializationOptions`, `workspace/didChangeConfiguration`). */
export interface OptionSource {
  readonly model: string;
  readonly corpusFolder: string;
  readonly device: string;
  readonly allowNetwork: boolean;
  readonly serverOptions: Readonly<Record<string, unknown>>;
}

/** Only what was chosen is sent; for the rest the server's own defaults hold. */
export function serverOptions(source: OptionSource): Record<string, unknown> {
  return {
    ...(source.model === "" ? {} : { model: source.model }),
    ...(source.corpusFolder === "" ? {} : { storeDir: source.corpusFolder }),
    ...(source.device === "auto" ? {} : { device: source.device }),
    ...(source.allowNetwork ? { allowNetwork: true } : {}),
    ...source.serverOptions,
  };
}
