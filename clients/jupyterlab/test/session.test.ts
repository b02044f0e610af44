import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Methods } from "#protocol";
import { RESTARTS } from "#shared/restarts";
import type { RpcError } from "#shared/rpc";
import { ClosedEarly, SERVER_ENDED, SERVER_UNAVAILABLE, Session } from "../src/session";
import { FakeSocket, greeting } from "./fakes";

const openRpc = JSON.parse(readFileSync(join(__dirname, "../../../protocol/openrpc.json"), "utf8")) as {
  readonly methods: readonly { readonly name: string }[];
};

interface Trial {
  readonly session: Session;
  readonly sockets: FakeSocket[];
  readonly events: string[];
}

function trial(options: { refuse?: () => ClosedEarly | null; missing?: boolean; version?: string } = {}): Trial {
  const sockets: FakeSocket[] = [];
  const events: string[] = [];
  const session = new Session({
    open: async () => {
      const refusal = options.refuse?.() ?? null;
      if (refusal !== null) {
        throw refusal;
      }
      const socket = new FakeSocket(({ method }) => {
        if (method === "initialize") {
          return greeting(options.version);
        }
        return method === "ping" ? "pong" : undefined;
      });
      sockets.push(socket);
      return socket;
    },
    isMissing: async () => options.missing ?? false,
    rootUri: async () => "file:///home/me",
    initializationOptions: () => ({ model: "mini" }),
  });
  session.onEvent((event) => events.push(event.kind));
  return { session, sockets, events };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a session", () => {
  it("greets before the first request, with the options and the root, and once only", async () => {
    const { session, sockets, events } = trial();
    await Promise.all([session.request("ping", {}), session.request("ping", {})]);
    expect(sockets).toHaveLength(1);
    const [first, second] = sockets[0].sent;
    expect(first).toMatchObject({
      method: "initialize",
      params: { rootUri: "file:///home/me", initializationOptions: { model: "mini" } },
    });
    expect(second.method).toBe("initialized");
    expect(events).toEqual(["starting", "ready"]);
    expect(session.info?.defaultModel).toBe("mini");
  });

  it("passes every method of the protocol on, with its params and a token for progress", async () => {
    const { session, sockets } = trial();
    await session.request("ping", {});
    const names = openRpc.methods.map(({ name }) => name as keyof Methods);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const params = { made: name } as Methods[typeof name]["params"];
      void session.request(name, params, { onProgress: () => undefined }).catch(() => undefined);
      await vi.advanceTimersByTimeAsync(0);
      expect(sockets[0].last()).toMatchObject({ method: name, params: { made: name } });
      expect(sockets[0].last().params?.workDoneToken).toBeTypeOf("string");
    }
  });

  it("connects to nothing until it is asked", () => {
    expect(trial().sockets).toHaveLength(0);
  });

  it("reports a crash, rejects open requests, and restarts automatically", async () => {
    const { session, sockets, events } = trial();
    await session.request("ping", {});
    const open = session.request("attend", { text: "x" });
    const rejected = expect(open).rejects.toMatchObject({ message: "the server was ended by signal 9" });
    await vi.advanceTimersByTimeAsync(0);
    sockets[0].drop(SERVER_ENDED, "the server was ended by signal 9");
    await rejected;
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toEqual(["starting", "ready", "crashed", "starting", "restarted"]);
    expect(await session.request("ping", {})).toBe("pong");
  });

  it("does not restart a server that keeps crashing, until a person does", async () => {
    const { session, sockets } = trial();
    await session.request("ping", {});
    for (let crash = 0; crash <= RESTARTS; crash++) {
      sockets[sockets.length - 1].drop(SERVER_ENDED, "the server ended with code 3");
      await vi.advanceTimersByTimeAsync(1000);
    }
    const before = sockets.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets.length).toBe(before);
    expect(session.state.message).toBe(
      "The exBERT server crashed 4 times within 3 minutes. Automatic restart is off. Run “exBERT: Restart Server”.",
    );
    await session.reconnect();
    expect(session.state.kind).toBe("restarted");
  });

  it("says that the package is missing, and how to get it", async () => {
    const refuse = () =>
      new ClosedEarly({ code: SERVER_UNAVAILABLE, reason: "the Python package exbert-rpc is not installed" });
    const { session, events } = trial({ refuse, missing: true });
    const error: RpcError = (await session.request("ping", {}).catch((reason: RpcError) => reason)) as RpcError;
    expect(error.data).toMatchObject({ kind: "serverMissing", hint: expect.stringContaining("pip install") });
    expect(events).toEqual(["starting", "missing"]);
  });

  it("tries again with growing pauses while Jupyter cannot be reached", async () => {
    let away = false;
    const refuse = () => (away ? new ClosedEarly({ code: 1006, reason: "" }) : null);
    const { session, sockets, events } = trial({ refuse });
    await session.request("ping", {});
    away = true;
    sockets[0].drop(1006);
    await vi.advanceTimersByTimeAsync(5000);
    expect(events.at(-1)).toBe("crashed");
    away = false;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(events.at(-1)).toBe("restarted");
    expect(session.state.message).toBe("The connection to the exBERT server is back. Results were refreshed.");
  });

  it("refuses a server of another protocol in words, and closes the connection", async () => {
    const { session, sockets } = trial({ version: "2.0" });
    const error = await session.request("ping", {}).catch((reason: RpcError) => reason);
    expect((error as RpcError).message).toContain("The server speaks protocol 2.0");
    expect(sockets[0].closedWith).toBe(1000);
  });

  it("does not come back after it was disposed of", async () => {
    const { session, sockets } = trial();
    await session.request("ping", {});
    session.dispose();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
    expect(sockets[0].closedWith).toBe(1000);
  });
});
