import { afterEach, describe, expect, it, vi } from "vitest";
import { CLIENT_CODES } from "#shared/clientErrors";
import { CANCEL_PATIENCE_MS, RpcConnection } from "#shared/rpc";
import { FakeSocket } from "./fakes";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function connected() {
  const socket = new FakeSocket();
  return { socket, connection: new RpcConnection(socket) };
}

describe("a request", () => {
  it("gets the answer with its own id, in any order of the answers", async () => {
    const { socket, connection } = connected();
    const one = connection.request("one", {});
    const two = connection.request("two", {});
    socket.receive({ id: 2, result: "second" });
    socket.receive({ id: 1, result: "first" });
    expect(await Promise.all([one, two])).toEqual(["first", "second"]);
  });

  it("rejects with the code, the message and the data of the server", async () => {
    const { socket, connection } = connected();
    const request = connection.request("attend", {});
    socket.receive({
      id: 1,
      error: { code: -33006, message: "too long", data: { kind: "textTooLong", hint: "cut it" } },
    });
    await expect(request).rejects.toMatchObject({ code: -33006, message: "too long", data: { hint: "cut it" } });
  });

  it("settles with null when the server answers nothing", async () => {
    const { socket, connection } = connected();
    const request = connection.request("shutdown", undefined);
    socket.receive({ id: 1 });
    expect(await request).toBeNull();
  });

  it("is rejected with the reason when the socket closes before the answer", async () => {
    const { socket, connection } = connected();
    const requests = [connection.request("a", {}), connection.request("b", {})];
    socket.drop(4001, "the server ended with code 3");
    for (const request of requests) {
      await expect(request).rejects.toMatchObject({
        code: CLIENT_CODES.connectionLost,
        message: "the server ended with code 3",
      });
    }
  });

  it("is rejected at once after the socket has closed", async () => {
    const { socket, connection } = connected();
    socket.drop(1006);
    await expect(connection.request("a", {})).rejects.toMatchObject({ code: CLIENT_CODES.connectionLost });
    expect(socket.sent).toEqual([]);
  });
});

describe("cancelling", () => {
  it("tells the server which request, and settles with its answer", async () => {
    const { socket, connection } = connected();
    const abort = new AbortController();
    const request = connection.request("attend", {}, { signal: abort.signal });
    abort.abort();
    expect(socket.last()).toMatchObject({ method: "$/cancelRequest", params: { id: 1 } });
    socket.receive({ id: 1, error: { code: -32800, message: "cancelled" } });
    await expect(request).rejects.toMatchObject({ code: -32800 });
  });

  it("gives up by itself when the server does not answer", async () => {
    vi.useFakeTimers();
    const { connection } = connected();
    const abort = new AbortController();
    const request = connection.request("attend", {}, { signal: abort.signal });
    abort.abort();
    const settled = expect(request).rejects.toMatchObject({ code: -32800 });
    await vi.advanceTimersByTimeAsync(CANCEL_PATIENCE_MS);
    await settled;
  });

  it("sends nothing for a request that was cancelled before it began", async () => {
    const { socket, connection } = connected();
    await expect(connection.request("a", {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: -32800 });
    expect(socket.sent).toEqual([]);
  });

  it("says nothing about a request that is already answered", async () => {
    const { socket, connection } = connected();
    const abort = new AbortController();
    const request = connection.request("a", {}, { signal: abort.signal });
    socket.receive({ id: 1, result: 1 });
    await request;
    abort.abort();
    expect(socket.sent).toHaveLength(1);
  });
});

describe("progress", () => {
  it("goes to the request whose token it carries, and stops with its answer", async () => {
    const { socket, connection } = connected();
    const seen: unknown[] = [];
    const request = connection.request("indexCorpus", { corpus: "c" }, { onProgress: (p) => seen.push(p.percentage) });
    const token = socket.last().params?.workDoneToken;
    socket.receive({ method: "$/progress", params: { token, value: { kind: "begin", percentage: 0 } } });
    socket.receive({ method: "$/progress", params: { token, value: { kind: "report", percentage: 40 } } });
    socket.receive({
      method: "$/progress",
      params: { token: "of-another", value: { kind: "report", percentage: 99 } },
    });
    socket.receive({ id: 1, result: {} });
    await request;
    socket.receive({ method: "$/progress", params: { token, value: { kind: "report", percentage: 100 } } });
    expect(seen).toEqual([0, 40]);
  });

  it("is not requested without a listener", () => {
    const { socket, connection } = connected();
    void connection.request("attend", { text: "x" });
    expect(socket.last().params).toEqual({ text: "x" });
  });
});

describe("what else a server may send", () => {
  it("requests are answered: a progress is accepted, anything else is unknown", () => {
    const { socket } = connected();
    socket.receive({ id: "a", method: "window/workDoneProgress/create", params: {} });
    socket.receive({ id: "b", method: "workspace/applyEdit", params: {} });
    expect(socket.sent).toMatchObject([
      { id: "a", result: null },
      { id: "b", error: { code: -32601 } },
    ]);
  });

  it("what is not JSON-RPC breaks nothing", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { socket, connection } = connected();
    const request = connection.request("a", {});
    for (const bad of ["{", "null", "3", "[]", '{"id": 99, "result": 1}']) {
      socket.receive(bad);
    }
    socket.receive({ id: 1, result: "well" });
    expect(await request).toBe("well");
  });

  it("notifications go to the listener", () => {
    const socket = new FakeSocket();
    const seen: string[] = [];
    new RpcConnection(socket, (method) => seen.push(method));
    socket.receive({ method: "window/logMessage", params: {} });
    expect(seen).toEqual(["window/logMessage"]);
  });
});
