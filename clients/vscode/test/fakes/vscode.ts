/** As much of VS Code's API as the tests of the extension host need: a window that a test arranges. */

class Disposable {
  static from(...all: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const one of all) one.dispose();
    });
  }
  constructor(private readonly action: () => unknown = () => undefined) {}
  dispose(): void {
    this.action();
  }
}

class EventEmitter<T> {
  private readonly listeners = new Set<(event: T) => unknown>();
  readonly event = (listener: (event: T) => unknown): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(event: T): void {
    for (const listener of [...this.listeners]) listener(event);
  }
  dispose(): void {
    this.listeners.clear();
  }
}

class Uri {
  static parse(text: string): Uri {
    const { protocol, pathname } = new URL(text);
    return new Uri(protocol.slice(0, -1), decodeURIComponent(pathname));
  }
  static joinPath(base: Uri, ...parts: string[]): Uri {
    return new Uri(base.scheme, [base.path, ...parts].join("/"));
  }
  static file = (path: string): Uri => new Uri("file", path);
  constructor(
    readonly scheme: string,
    readonly path: string,
  ) {}
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}://${encodeURI(this.path)}`;
  }
}

class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(...at: [Position, Position] | [number, number, number, number]) {
    [this.start, this.end] = at.length === 2 ? at : [new Position(at[0], at[1]), new Position(at[2], at[3])];
  }
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

class Selection extends Range {
  get active(): Position {
    return this.end;
  }
}

class CancellationTokenSource {
  readonly token = { isCancellationRequested: false, onCancellationRequested: () => new Disposable() };
  cancel(): void {
    this.token.isCancellationRequested = true;
  }
  dispose(): void {}
}

class NotebookRange {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}
}

class TabInputWebview {
  constructor(readonly viewType: string) {}
}

class ThemeColor {
  constructor(readonly id: string) {}
}

/** A text document over a string. */
export function textDocument(uri: string, text: string): Record<string, unknown> {
  const before = (line: number) =>
    text
      .split("\n")
      .slice(0, line)
      .reduce((sum, one) => sum + one.length + 1, 0);
  const offsetAt = ({ line, character }: Position) => before(line) + character;
  return {
    uri: Uri.parse(uri),
    offsetAt,
    positionAt: (offset: number) => {
      const lines = text.slice(0, offset).split("\n");
      return new Position(lines.length - 1, lines[lines.length - 1]?.length ?? 0);
    },
    getText: (range?: Range) => (range === undefined ? text : text.slice(offsetAt(range.start), offsetAt(range.end))),
  };
}

const nothing = (): Disposable => new Disposable();

/** What a test arranges; `restore` empties it. */
export const window = {
  activeTextEditor: undefined as unknown,
  activeNotebookEditor: undefined as unknown,
  visibleTextEditors: [] as unknown[],
  tabGroups: { all: [] as unknown[] },
  showQuickPick: (items: readonly { readonly label: string }[]): Promise<unknown> => Promise.resolve(items[0]),
  showWarningMessage: (): Promise<unknown> => Promise.resolve(undefined),
  withProgress: (_: unknown, run: (...given: unknown[]) => unknown) =>
    run({ report: () => undefined }, { isCancellationRequested: false, onCancellationRequested: nothing }),
  showTextDocument: (..._: unknown[]): Promise<unknown> => Promise.resolve(undefined),
  showInformationMessage: (..._: unknown[]): Promise<unknown> => Promise.resolve(undefined),
  showErrorMessage: (): Promise<unknown> => Promise.resolve(undefined),
};
export const workspace = {
  notebookDocuments: [] as unknown[],
  workspaceFolders: undefined as unknown,
  isTrusted: true,
  /** Paths of what is a folder, what a search below one finds, and whether a file is there. */
  folders: new Set<string>(),
  found: [] as Uri[],
  isThere: true,
  fs: {
    stat: ({ path }: Uri) =>
      workspace.isThere
        ? Promise.resolve({ type: workspace.folders.has(path) ? FileType.Directory : FileType.File })
        : Promise.reject(new Error("no such file")),
  },
  findFiles: () => Promise.resolve(workspace.found),
  textDocuments: [] as unknown[],
  createFileSystemWatcher: () => ({ onDidChange: nothing, onDidDelete: nothing, dispose: () => undefined }),
  onDidChangeTextDocument: nothing,
  onDidChangeNotebookDocument: nothing,
  openTextDocument: (uri: Uri): Promise<unknown> => Promise.resolve({ uri }),
  getConfiguration: () => ({ get: (key: string) => (key === "index.include" ? ["**/*"] : undefined) }),
};
export const env = { uriScheme: "vscode", clipboard: { writeText: () => Promise.resolve() } };
export const extensions = { getExtension: () => undefined };
export const commands = { executeCommand: () => Promise.resolve(undefined) };
export const FileType = { File: 1, Directory: 2 };
export const ProgressLocation = { Window: 10, Notification: 15 };
export class RelativePattern {}
export const ViewColumn = { Active: -1, Beside: -2, One: 1, Two: 2, Three: 3 };

const { showInformationMessage, withProgress } = window;

export function restore(): void {
  Object.assign(window, { showInformationMessage, withProgress });
  Object.assign(window, { activeTextEditor: undefined, activeNotebookEditor: undefined, visibleTextEditors: [] });
  window.tabGroups.all = [];
  workspace.notebookDocuments = [];
  workspace.workspaceFolders = undefined;
  workspace.isTrusted = true;
  workspace.folders.clear();
  workspace.found = [];
  workspace.isThere = true;
}

export {
  CancellationTokenSource,
  Disposable,
  EventEmitter,
  NotebookRange,
  Position,
  Range,
  Selection,
  TabInputWebview,
  ThemeColor,
  Uri,
};
