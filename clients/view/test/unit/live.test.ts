import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Socket } from "../../../shared/src/rpc";
import { placeOf } from "../../live/host";
import type { FromKernel, KernelModel } from "../../live/kernelModel";
import { pageFromKernel } from "../../live/kernelPage";
import { KernelSocket } from "../../live/kernelSocket";
import { themeOf } from "../../live/notebookTheme";
import { GOING_AWAY, LiveSession } from "../../live/session";
import type { ServerEvent } from "../../src/host";

/** A server that greets, and answers each request with its method. */
class FakeServer implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly asked: string[] = [];

  constructor(private readonly version = "1.1") {}

  send(text: string): void {
    const { id, method, params } = JSON.parse(text);
    this.asked.push(method);
    if (id === undefined) return;
    const result =
      method === "initialize"
        ? { capabilities: { experimental: { exbert: { protocolVersion: this.version } } } }
        : { answered: method, ...(method === "workspace/executeCommand" ? { page: JSON.stringify(params) } : {}) };
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify({ jsonrpc: "2.0", id, result }) }));
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: "" });
  }
}

describe("a live session", () => {
  let events: ServerEvent[];
  let servers: FakeServer[];
  let refuses: boolean;
  const start = (version?: string) => {
    const session = new LiveSession({
      open: async () => {
        if (refuses) throw new Error("nobody there");
        servers.push(new FakeServer(version));
        return servers[servers.length - 1];
      },
      clientName: "test",
      ended: "It has ended.",
      lost: "It was lost.",
    });
    session.onEvent((event) => events.push(event));
    return session;
  };
  beforeEach(() => {
    vi.useFakeTimers();
    events = [];
    servers = [];
    refuses = false;
  });
  afterEach(() => vi.useRealTimers());

  it("greets once, and passes requests on", async () => {
    const session = start();
    const answers = await Promise.all([session.request("listModels", {}), session.request("listCorpora", {})]);
    expect(answers).toEqual([{ answered: "listModels" }, { answered: "listCorpora" }]);
    expect(servers.map(({ asked }) => asked)).toEqual([["initialize", "initialized", "listModels", "listCorpora"]]);
    expect(events).toEqual([{ kind: "ready" }]);
  });

  it("connects again when the connection is lost, and says both", async () => {
    const session = start();
    await session.request("ping", {});
    servers[0].onclose?.({ code: 1006, reason: "" });
    await vi.advanceTimersByTimeAsync(600);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "crashed", "restarted"]);
    expect(events[1].message).toBe("It was lost.");
    expect(await session.request("ping", {})).toEqual({ answered: "ping" });
    expect(servers).toHaveLength(2);
  });

  it("asks for a page of what the view shows", async () => {
    const state = { input: { text: "She ran." }, layer: 2 };
    expect(JSON.parse(await start().page(state))).toEqual({ command: "exbert.page", arguments: [state] });
  });

  it("tries ever more rarely while nobody is there", async () => {
    const session = start();
    refuses = true;
    await expect(session.request("ping", {})).rejects.toMatchObject({ data: { hint: "It has ended." } });
    await vi.advanceTimersByTimeAsync(10_000);
    const tries = events.length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(8);
    refuses = false;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(events[events.length - 1].kind).toBe("ready");
  });

  it("tries no more once the server has ended, or speaks another protocol", async () => {
    const session = start();
    await session.request("ping", {});
    servers[0].onclose?.({ code: GOING_AWAY, reason: "" });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(servers).toHaveLength(1);
    expect(events[events.length - 1]).toEqual({ kind: "crashed", message: "It has ended." });
    await expect(session.request("ping", {})).rejects.toMatchObject({ code: -33094 });
    await expect(start("9.0").request("ping", {})).rejects.toMatchObject({ message: expect.stringContaining("9.0") });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(servers).toHaveLength(2);
  });
});

/** A widget's model whose kernel answers what the test says. */
class FakeModel implements KernelModel {
  readonly sent: { kind: string; id: string; text?: string }[] = [];
  private readonly listeners = new Map<string, Set<(...args: never[]) => void>>();
  get = () => undefined;
  set = () => undefined;
  save_changes = () => undefined;

  send(content: unknown): void {
    this.sent.push(content as FakeModel["sent"][number]);
  }
  on(event: string, callback: (...args: never[]) => void): void {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: (...args: never[]) => void): void {
    this.listeners.get(event)?.delete(callback);
  }
  fire(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...(args as never[]));
  }
  tell(message: FromKernel, ...buffers: DataView[]): void {
    this.fire("msg:custom", message, buffers);
  }
  get listening(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

describe("a session through a notebook's kernel", () => {
  afterEach(() => vi.useRealTimers());
  const bytes = (text: string) => new DataView(new TextEncoder().encode(text).buffer);

  const opened = async () => {
    const model = new FakeModel();
    const opening = KernelSocket.open(model);
    const { id } = model.sent[0];
    model.tell({ kind: "opened", id });
    return { model, id, socket: await opening };
  };

  it("hears only its own messages", async () => {
    const { model, id, socket } = await opened();
    const heard: unknown[] = [];
    socket.onmessage = ({ data }) => heard.push(data);
    model.tell({ kind: "rpc", id: "another" }, bytes("no"));
    model.tell({ kind: "script" }, bytes("no"));
    model.tell({ kind: "rpc", id }, bytes("é"));
    expect(heard).toEqual(["é"]);
    socket.send("{}");
    expect(model.sent[1]).toEqual({ kind: "rpc", id, text: "{}" });
  });

  it.each(["comm:close", "destroy"])("ends with its kernel (%s), and listens no more", async (event) => {
    const { model, socket } = await opened();
    const closed = vi.fn();
    socket.onclose = closed;
    model.fire(event);
    expect(closed).toHaveBeenCalledExactlyOnceWith({ code: GOING_AWAY, reason: "the kernel has ended" });
    expect(model.listening).toBe(0);
  });

  it("gives up on a kernel that does not answer, and takes its request back", async () => {
    vi.useFakeTimers();
    const model = new FakeModel();
    const opening = KernelSocket.open(model);
    const refused = expect(opening).rejects.toThrow("does not answer");
    await vi.advanceTimersByTimeAsync(9_000);
    await refused;
    expect(model.sent.map(({ kind }) => kind)).toEqual(["open", "close"]);
    expect(model.listening).toBe(0);
  });
});

describe("a page from the kernel", () => {
  it("is the kernel's bytes, or its reason", async () => {
    const model = new FakeModel();
    const made = pageFromKernel(model, { version: 1 });
    const { id } = model.sent[0];
    model.tell({ kind: "page", id: "another", error: "not mine" });
    model.tell({ kind: "page", id }, new DataView(new TextEncoder().encode("<p>é</p>").buffer));
    expect(await made).toEqual({ name: "exbert.html", mime: "text/html", data: "<p>é</p>" });
    const refused = pageFromKernel(model, {});
    model.tell({ kind: "page", id: model.sent[1].id, error: "no such corpus" });
    await expect(refused).rejects.toThrow("no such corpus");
    expect(model.listening).toBe(0);
  });
});

describe("where a hit stands", () => {
  const range = { start: { line: 11, character: 0 }, end: { line: 11, character: 3 } };
  it.each([
    ["file:///home/ann/my%20notes/ch%C3%A4pter.md", undefined, "/home/ann/my notes/chäpter.md:12"],
    ["file:///C:/notes/a.md", null, "C:/notes/a.md:12"],
    ["file:///n/tour.ipynb", 3, "/n/tour.ipynb cell 4:12"],
    ["inline-7", null, "inline-7:12"],
  ])("%s", (document, cell, place) => {
    expect(placeOf({ document, range, cell })).toBe(place);
  });
});

describe("the theme of a notebook", () => {
  const page = (dataset: object, classes: string[] = [], said: string | null = null) =>
    themeOf({
      body: { dataset, classList: { contains: (name: string) => classes.includes(name) } },
      documentElement: { dataset: {}, getAttribute: () => said },
    } as unknown as Document);
  it.each([
    [page({ jpThemeLight: "true", jpThemeName: "JupyterLab Light" }), "light"],
    [page({ jpThemeLight: "false", jpThemeName: "JupyterLab Dark High Contrast" }), "highContrast"],
    [page({ vscodeThemeKind: "vscode-dark" }), "dark"],
    [page({ vscodeThemeKind: "vscode-high-contrast-light" }), "highContrastLight"],
    [page({}, [], "dark"), "dark"],
    [page({}, ["dark"]), "dark"],
    [page({}), null],
  ])("%s", (found, theme) => {
    expect(found).toBe(theme);
  });
});
