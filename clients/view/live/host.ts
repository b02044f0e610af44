/** The view's door to a live server, in a page that belongs to no editor: a browser window, or the output of a cell. */

import { saveInBrowser } from "../page/browser";
import type {
  Disposable,
  Host,
  Location,
  RequestOptions,
  SavedFile,
  SelectionEvent,
  ServerEvent,
  Theme,
} from "../src/host";
import type { Method, MethodParams, MethodResult } from "../src/protocol";
import type { LiveSession } from "./session";

/** What differs between a browser window and a notebook. */
export interface Surroundings {
  readonly state: Host["state"];
  readonly theme: { readonly theme: Theme; onChange(callback: (theme: Theme) => void): Disposable };
  /** Shows the person where a hit stands: nothing here can open a file. */
  showPlace(place: string): void;
  link?(encodedState: string): string;
  makePage?(state: object): Promise<SavedFile>;
}

export class LiveHost implements Host {
  readonly commands = [] as const;
  readonly isAlone = true;
  readonly state: Host["state"];
  readonly link?: (encodedState: string) => string;
  readonly makePage?: (state: object) => Promise<SavedFile>;

  constructor(
    private readonly session: LiveSession,
    private readonly around: Surroundings,
  ) {
    this.state = around.state;
    this.link = around.link;
    this.makePage = around.makePage;
  }

  get theme(): Theme {
    return this.around.theme.theme;
  }

  onThemeChange(callback: (theme: Theme) => void): Disposable {
    return this.around.theme.onChange(callback);
  }

  request<M extends Method>(method: M, params: MethodParams<M>, options?: RequestOptions): Promise<MethodResult<M>> {
    return this.session.request(method, params, options);
  }

  openLocation(location: Location): void {
    this.around.showPlace(placeOf(location));
  }

  save(file: SavedFile): void {
    saveInBrowser(file);
  }

  async copy(text: string): Promise<void> {
    await navigator.clipboard.writeText(text);
  }

  onSelection(_callback: (selection: SelectionEvent) => void): Disposable {
    return { dispose: () => {} };
  }

  onServerEvent(callback: (event: ServerEvent) => void): Disposable {
    return this.session.onEvent(callback);
  }

  runCommand(): void {}
}

/** `/home/ann/notes/pub.txt:12`, as terminals and editors take it; of a notebook with its cell. */
export function placeOf({ document, range, cell }: Location): string {
  const inCell = cell === null || cell === undefined ? "" : ` cell ${cell + 1}`;
  return `${pathOf(document)}${inCell}:${range.start.line + 1}`;
}

function pathOf(document: string): string {
  if (!document.startsWith("file:")) return document;
  const path = decodeURIComponent(new URL(document).pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}
