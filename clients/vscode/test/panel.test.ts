import { beforeEach, describe, expect, it } from "vitest";
import type { ToHost, ToView } from "../src/messages";
import { ViewPanel } from "../src/panel";
import { EventEmitter, Uri } from "./fakes/vscode";

const SELECTION = { input: { text: "The girl ran." }, label: "notes.md:3" };

/** A webview whose page comes and goes as its tab is shown and hidden; it says of each message whether a page took it. */
function makePanel() {
  const received: ToView[] = [];
  const fromPage = new EventEmitter<ToHost>();
  const changed = new EventEmitter<unknown>();
  const disposed = new EventEmitter<void>();
  const events = new EventEmitter<unknown>();
  let hasPage = true;
  const panel = {
    title: "",
    visible: true,
    viewColumn: 2,
    onDidChangeViewState: changed.event,
    onDidDispose: disposed.event,
    webview: {
      html: "",
      options: {},
      cspSource: "",
      asWebviewUri: (uri: unknown) => uri,
      onDidReceiveMessage: fromPage.event,
      postMessage: (message: ToView) => {
        if (hasPage) received.push(message);
        return Promise.resolve(hasPage);
      },
    },
  };
  const server = { state: undefined as unknown, onEvent: events.event, acknowledge: () => undefined };
  const context = { extensionUri: Uri.file("/x"), extensionId: "a.b", server, log: { error: () => undefined } };
  const view = new ViewPanel(panel as never, context as never);
  return {
    view,
    received,
    server,
    events,
    ready: () => fromPage.fire({ type: "ready" }),
    send: (message: ToHost) => fromPage.fire(message),
    /** Another tab of the group is in front: the page is destroyed. */
    hide: (tell = true) => {
      hasPage = false;
      panel.visible = false;
      if (tell) changed.fire({ webviewPanel: panel });
    },
    show: () => {
      hasPage = true;
      panel.visible = true;
      changed.fire({ webviewPanel: panel });
    },
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("the page of the view comes and goes, and messages", () => {
  let panel: ReturnType<typeof makePanel>;
  beforeEach(() => {
    panel = makePanel();
  });

  it("wait for the first page", () => {
    panel.view.explore(SELECTION);
    expect(panel.received).toEqual([]);
    panel.ready();
    expect(panel.received).toEqual([{ type: "selection", selection: SELECTION }]);
  });

  it("to a page behind another tab wait until it is shown again", async () => {
    panel.ready();
    panel.hide();
    panel.view.explore(SELECTION);
    panel.view.prefer({ model: "other" });
    panel.view.prefer({ link: "exbert:abc" });
    await settled();
    expect(panel.received).toEqual([]);
    panel.show();
    await settled();
    expect(panel.received, "the page must load first").toEqual([]);
    panel.ready();
    expect(panel.received).toEqual([
      { type: "selection", selection: SELECTION },
      { type: "choice", choice: { model: "other" } },
      { type: "choice", choice: { link: "exbert:abc" } },
    ]);
  });

  it("that no page took wait for the next page, in their order", async () => {
    panel.ready();
    panel.hide(false);
    panel.view.explore(SELECTION);
    panel.view.prefer({ model: "other" });
    await settled();
    panel.show();
    panel.ready();
    expect(panel.received.map(({ type }) => type)).toEqual(["selection", "choice"]);
  });

  it("about the server are repeated by what is so now", async () => {
    panel.ready();
    panel.hide();
    panel.events.fire({ kind: "crashed" });
    panel.server.state = { kind: "ready" };
    panel.show();
    panel.ready();
    await settled();
    expect(panel.received).toEqual([{ type: "server", event: { kind: "ready" } }]);
  });

  it("say what is explored last when several texts were, while nobody looked", () => {
    panel.view.explore(SELECTION);
    panel.view.explore({ ...SELECTION, label: "notes.md:5" });
    panel.ready();
    expect(panel.received).toEqual([{ type: "selection", selection: { ...SELECTION, label: "notes.md:5" } }]);
  });
});

describe("the model in use", () => {
  it("is what the page says, and what was chosen since while it was away", () => {
    const panel = makePanel();
    panel.ready();
    panel.send({ type: "inUse", use: { model: "mini", corpus: "notes" }, chosen: false });
    expect(panel.view.inUse).toEqual({ model: "mini", corpus: "notes" });
    panel.hide();
    panel.view.prefer({ model: "bert" });
    expect(panel.view.inUse).toEqual({ model: "bert", corpus: "notes" });
  });
});

describe("a dismissal", () => {
  it("reaches the server, so that its event is not shown again", () => {
    const panel = makePanel();
    let acknowledged = 0;
    panel.server.acknowledge = () => void acknowledged++;
    panel.ready();
    panel.send({ type: "dismissed" } as never);
    expect(acknowledged).toBe(1);
  });
});
