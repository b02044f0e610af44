/** The page inside the webview: implements the view's `Host` over messages to the extension host. */
import { mount } from "exbert-view";
import { Emitter } from "../../../shared/src/emitter";
import type { Host } from "../../../view/src/host";
import type { Choice, HostError, Progress, SelectionEvent, ServerEvent, ToHost, ToView } from "../messages";
import { unreachable } from "../messages";
import { Pending } from "../pure/pending";
import { onThemeChange, themeOf } from "./theme";

declare function acquireVsCodeApi(): {
  postMessage(message: ToHost): void;
  getState(): unknown;
  setState(state: unknown): void;
};

const editor = acquireVsCodeApi();
const pending = new Pending<unknown, HostError>();
const progressOf = new Map<number, (progress: Progress) => void>();
const selections = new Emitter<SelectionEvent>();
const serverEvents = new Emitter<ServerEvent>();
const choices = new Emitter<Choice>();
const documentChanges = new Emitter<string>();
const root = document.getElementById("exbert") ?? document.body;

const request: Host["request"] = async (method, params, options = {}) => {
  const { id, promise } = pending.open();
  const { signal, onProgress } = options;
  if (onProgress !== undefined) progressOf.set(id, onProgress);
  const cancel = (): void => editor.postMessage({ type: "cancel", id });
  editor.postMessage({ type: "request", id, method, params, progress: onProgress !== undefined });
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    // the extension host answers each request with what `protocol/` says about its method
    return (await promise) as Awaited<ReturnType<typeof request<typeof method>>>;
  } finally {
    progressOf.delete(id);
    signal?.removeEventListener("abort", cancel);
  }
};

const host: Host = {
  request,
  openLocation: (location) => editor.postMessage({ type: "openLocation", location }),
  save: (file) => editor.postMessage({ type: "save", file }),
  copy: (text) => editor.postMessage({ type: "copy", text }),
  state: { get: () => editor.getState() ?? undefined, set: (state) => editor.setState(state) },
  get theme() {
    return themeOf(document.body);
  },
  onThemeChange,
  onSelection: (callback) => selections.on(callback),
  onServerEvent: (callback) => serverEvents.on(callback),
  onChoice: (callback) => choices.on(callback),
  dismissed: () => editor.postMessage({ type: "dismissed" }),
  onDocumentChange: (callback) => documentChanges.on(callback),
  color: (coloring) => editor.postMessage({ type: "color", coloring }),
  inUse: (use, chosen) => editor.postMessage({ type: "inUse", use, chosen }),
  runCommand: (name, subject = {}) => editor.postMessage({ type: "command", name, subject }),
  link: (encoded) => `${root.dataset.linkPrefix ?? "exbert:"}${encoded}`,
};

function receive(message: ToView): void {
  switch (message.type) {
    case "response":
      pending.resolve(message.id, message.result);
      return;
    case "failure":
      pending.reject(message.id, message.error);
      return;
    case "progress":
      progressOf.get(message.id)?.(message.progress);
      return;
    case "selection":
      selections.fire(message.selection);
      return;
    case "choice":
      choices.fire(message.choice);
      return;
    case "documentChanged":
      documentChanges.fire(message.uri);
      return;
    case "server":
      serverEvents.fire(message.event);
      return;
    default:
      unreachable(message);
  }
}

window.addEventListener("message", ({ data }: MessageEvent<ToView>) => receive(data));
// first of all messages: the extension host then forgets what an earlier page of this panel asked for
editor.postMessage({ type: "ready" });
mount(root, host);
