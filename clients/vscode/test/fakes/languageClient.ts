/** The names that the extension host takes from the language client, for tests that start no server. */
export const CloseAction = { DoNotRestart: 1, Restart: 2 };
export const WorkDoneProgress = { type: {} };
export class LanguageClient {}
