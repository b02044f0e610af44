/**
 * What the extension host and the webview say to each other: two tagged unions, nothing else passes.
 * Switches over them are exhaustive (`unreachable`), so a new message that one side forgets does not compile.
 */
import type { Method } from "../../../protocol/types";
import type {
  Choice,
  Coloring,
  CommandSubject,
  HostCommand,
  HostError,
  InUse,
  Location,
  Progress,
  SavedFile,
  SelectionEvent,
  ServerEvent,
} from "../../view/src/host";

export type {
  Choice,
  Coloring,
  CommandSubject,
  HostCommand,
  HostError,
  InUse,
  Location,
  Progress,
  SavedFile,
  SelectionEvent,
  ServerEvent,
};

/** From the webview to the extension host. */
export type ToHost =
  | { readonly type: "ready" }
  | {
      readonly type: "request";
      readonly id: number;
      readonly method: Method;
      readonly params: unknown;
      readonly progress: boolean;
    }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "openLocation"; readonly location: Location }
  | { readonly type: "save"; readonly file: SavedFile }
  | { readonly type: "copy"; readonly text: string }
  | { readonly type: "dismissed" }
  | { readonly type: "color"; readonly coloring: Coloring | null }
  | { readonly type: "inUse"; readonly use: InUse; readonly chosen: boolean }
  | { readonly type: "command"; readonly name: HostCommand; readonly subject: CommandSubject };

/** From the extension host to the webview. Each `request` gets exactly one `response` or `failure`. */
export type ToView =
  | { readonly type: "response"; readonly id: number; readonly result: unknown }
  | { readonly type: "failure"; readonly id: number; readonly error: HostError }
  | { readonly type: "progress"; readonly id: number; readonly progress: Progress }
  | { readonly type: "selection"; readonly selection: SelectionEvent }
  | { readonly type: "choice"; readonly choice: Choice }
  | { readonly type: "documentChanged"; readonly uri: string }
  | { readonly type: "server"; readonly event: ServerEvent };

/** The default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unknown message: ${JSON.stringify(value)}`);
}
