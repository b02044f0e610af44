/** The extension's settings as the server's options (`initializationOptions`, `workspace/didChangeConfiguration`). */
export interface OptionSource {
  readonly model: string;
  readonly pipeline: string;
  readonly precision: string;
  readonly corpusFolder: string;
  readonly device: string;
  readonly allowNetwork: boolean;
  readonly serverArguments: readonly string[];
  readonly serverOptions: Readonly<Record<string, unknown>>;
}

const orNull = (text: string): string | null => (text === "" ? null : text);

/** null means the server's own default, also when another value was sent before. */
export function serverOptions(source: OptionSource): Record<string, unknown> {
  return {
    model: orNull(source.model),
    pipeline: orNull(source.pipeline),
    precision: source.precision,
    store: orNull(source.corpusFolder),
    // code actions and hovers are for editors without a view; the extension has commands of these names
    actions: false,
    device: source.device === "auto" ? null : source.device,
    ...source.serverOptions,
  };
}

/** The server's command line; only it can allow the network. */
export function serverArguments(source: OptionSource): string[] {
  return ["-m", "exbert_rpc", "serve", ...(source.allowNetwork ? ["--allow-network"] : []), ...source.serverArguments];
}
