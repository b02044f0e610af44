/**
 * JSON-RPC over one socket: one WebSocket message is one JSON-RPC message. Every request settles: with
 * its answer, with the server's error, or with `connectionLost` when the socket closes.
 *
 * Why not `vscode-jsonrpc/browser` (10.0.0 was tried): it has no reader or writer for text messages of a WebSocket; its
 * requests stay open when the socket closes; it knows neither `AbortSignal` nor a limit for a server that ignores a
 * cancellation; and an answer without `result` is an error to it. What would have to be added is as long as this file,
 * and the extension would grow by 57 kB minified (13 kB compressed, on top of 192 kB).
 */
import { CLIENT_CODES } from "./clientErrors";

/** Codes of JSON-RPC and of LSP. */
const METHOD_NOT_FOUND = -32601;
const CANCELLED = -32800;

export interface RpcProgress {
  readonly message?: string | undefined;
  readonly percentage?: number | undefined;
}

export interface RpcOptions {
  /** Abort sends `$/cancelRequest`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RpcProgress) => void;
}

/** What is needed of a WebSocket; tests pass a pair of arrays. */
export interface Socket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

type ErrorData = { readonly kind?: string; readonly hint?: string } & Readonly<Record<string, unknown>>;

/** A JSON-RPC error, or the reason why no answer can come any more. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: ErrorData,
  ) {
    super(message);
    this.name = "RpcError";
  }
}

/** How long a cancelled request may stay open before the client gives it up. */
export const CANCEL_PATIENCE_MS = 10_000;

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: ErrorData };
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: RpcError) => void;
}

export class RpcConnection {
  /** Settles when either side closes the socket. */
  readonly closed: Promise<Closing>;
  private readonly pending = new Map<number, Pending>();
  private readonly progress = new Map<string, (progress: RpcProgress) => void>();
  private nextId = 1;
  private end: Closing | null = null;

  constructor(
    private readonly socket: Socket,
    private readonly onNotification: (method: string, params: unknown) => void = () => undefined,
    /** What a person can do once the connection is lost. */
    private readonly lostHint = "Try again. The server is started when it is needed.",
  ) {
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.settleAll({ code, reason });
        resolve({ code, reason });
      };
    });
    socket.onmessage = ({ data }) => this.receive(data);
  }

  request(method: string, params: object | undefined, options: RpcOptions = {}): Promise<unknown> {
    if (this.end !== null) {
      return Promise.reject(lost(this.end, this.lostHint));
    }
    if (options.signal?.aborted) {
      return Promise.reject(cancelled());
    }
    const id = this.nextId++;
    const token = `request-${id}`;
    const tracked = options.onProgress === undefined ? params : { ...params, workDoneToken: token };
    return new Promise<unknown>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const onAbort = () => {
        this.notify("$/cancelRequest", { id });
        timer = setTimeout(() => this.settle(id)?.reject(cancelled()), CANCEL_PATIENCE_MS);
      };
      const finish =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.progress.delete(token);
          options.signal?.removeEventListener("abort", onAbort);
          settle(value);
        };
      this.pending.set(id, { resolve: finish(resolve), reject: finish(reject) });
      if (options.onProgress !== undefined) {
        this.progress.set(token, options.onProgress);
      }
      options.signal?.addEventListener("abort", onAbort);
      this.send({ id, method, params: tracked });
    });
  }

  notify(method: string, params?: object): void {
    this.send({ method, params });
  }

  close(): void {
    this.socket.close(1000, "the page closes the session");
  }

  private send(message: object): void {
    if (this.end === null) {
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
    }
  }

  private receive(data: unknown): void {
    const message = parse(data);
    if (message === null) {
      console.warn("exBERT: the server sent something that is not JSON-RPC");
    } else if (message.method !== undefined && message.id !== undefined && message.id !== null) {
      this.answer(message.id, message.method);
    } else if (message.method === "$/progress") {
      this.report(message.params);
    } else if (message.method !== undefined) {
      this.onNotification(message.method, message.params);
    } else if (typeof message.id === "number") {
      const request = this.settle(message.id);
      if (message.error !== undefined) {
        request?.reject(new RpcError(message.error.code, message.error.message, message.error.data));
      } else {
        request?.resolve(message.result ?? null);
      }
    }
  }

  /** Servers send requests, too. Only the creation of a progress has a meaning here; others are unknown. */
  private answer(id: number | string, method: string): void {
    if (method === "window/workDoneProgress/create") {
      this.send({ id, result: null });
    } else {
      this.send({ id, error: { code: METHOD_NOT_FOUND, message: `this client has no ${method}` } });
    }
  }

  private report(params: unknown): void {
    const { token, value } = (params ?? {}) as { token?: unknown; value?: { kind?: string } & RpcProgress };
    if (typeof token === "string" && value !== undefined && value.kind !== "end") {
      this.progress.get(token)?.({ message: value.message, percentage: value.percentage });
    }
  }

  private settle(id: number): Pending | undefined {
    const request = this.pending.get(id);
    this.pending.delete(id);
    return request;
  }

  private settleAll(end: Closing): void {
    this.end = end;
    const open = [...this.pending.values()];
    this.pending.clear();
    open.forEach((request) => request.reject(lost(end, this.lostHint)));
  }
}

function parse(data: unknown): Message | null {
  try {
    const message: unknown = typeof data === "string" ? JSON.parse(data) : null;
    return typeof message === "object" && message !== null ? message : null;
  } catch {
    return null;
  }
}

function cancelled(): RpcError {
  return new RpcError(CANCELLED, "the request was cancelled", { kind: "cancelled" });
}

function lost(end: Closing, hint: string): RpcError {
  const why = end.reason === "" ? "the connection to the server was lost" : end.reason;
  return new RpcError(CLIENT_CODES.connectionLost, why, {
    kind: "connectionLost",
    hint,
  });
}
