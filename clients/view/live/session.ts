/** One page's session with a server: greets it, connects again when the connection is lost, tells what happened. */
import { PROTOCOL_VERSION } from "../../../protocol/types";
import { CLIENT_CODES } from "../../shared/src/clientErrors";
import { Emitter } from "../../shared/src/emitter";
import { versionMismatch } from "../../shared/src/protocolVersion";
import { type Closing, RpcConnection, RpcError, type Socket } from "../../shared/src/rpc";
import type { RequestOptions, ServerEvent } from "../src/host";
import type { Method, MethodParams, MethodResult } from "../src/protocol";

/** The server closes its sockets with this code when it ends (RFC 6455: going away). */
export const GOING_AWAY = 1001;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

export interface SessionOptions {
  /** Opens a socket; rejects when there is nobody, or nobody who lets us in. */
  readonly open: () => Promise<Socket>;
  readonly clientName: string;
  /** What to say, and to do, when the server has ended for good. */
  readonly ended: string;
  /** What to say while the connection is lost. */
  readonly lost: string;
}

export class LiveSession {
  private readonly events = new Emitter<ServerEvent>();
  private connecting: Promise<RpcConnection> | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private wasReady = false;
  private hasEnded = false;

  constructor(private readonly options: SessionOptions) {}

  onEvent(listener: (event: ServerEvent) => void): { dispose(): void } {
    return this.events.on(listener);
  }

  /** Asks the server; connects first where needed. Rejects with an {@link RpcError}. */
  async request<M extends Method>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    const connection = await this.connection();
    return (await connection.request(method, params, options)) as MethodResult<M>;
  }

  /** What the view shows, as a page that needs no server. */
  async page(state: object): Promise<string> {
    const connection = await this.connection();
    const params = { command: "exbert.page", arguments: [state] };
    return ((await connection.request("workspace/executeCommand", params)) as { page: string }).page;
  }

  /** Ends the session; nothing is tried again. */
  dispose(): void {
    this.hasEnded = true;
    clearTimeout(this.retry);
    void this.connecting?.then(
      (connection) => connection.close(),
      () => undefined,
    );
    this.events.clear();
  }

  private connection(): Promise<RpcConnection> {
    if (this.hasEnded) return Promise.reject(this.failure());
    if (this.connecting === null) {
      clearTimeout(this.retry);
      const attempt = this.connect();
      this.connecting = attempt;
      attempt.catch(() => {
        if (this.connecting === attempt) this.connecting = null;
      });
    }
    return this.connecting;
  }

  private async connect(): Promise<RpcConnection> {
    const connection = new RpcConnection(await this.open(), undefined, this.options.ended);
    void connection.closed.then((closing) => this.onClosed(closing));
    const complaint = await greet(connection, this.options.clientName);
    if (complaint !== undefined) {
      this.end(complaint);
      throw this.failure(complaint);
    }
    this.events.fire(
      this.wasReady
        ? { kind: "restarted", message: "The connection is back. Results were refreshed." }
        : { kind: "ready" },
    );
    this.wasReady = true;
    return connection;
  }

  private async open(): Promise<Socket> {
    try {
      return await this.options.open();
    } catch {
      this.tryAgain(FIRST_DELAY_MS);
      this.events.fire({ kind: "crashed", message: this.wasReady ? this.options.lost : this.options.ended });
      throw this.failure();
    }
  }

  private onClosed({ code }: Closing): void {
    this.connecting = null;
    if (this.hasEnded) return;
    if (code === GOING_AWAY) this.end(this.options.ended);
    else {
      this.events.fire({ kind: "crashed", message: this.options.lost });
      this.tryAgain(FIRST_DELAY_MS);
    }
  }

  private end(message: string): void {
    this.hasEnded = true;
    this.events.fire({ kind: "crashed", message });
  }

  private tryAgain(delay: number): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.hasEnded || this.connecting !== null) return;
      this.connection().catch(() => this.tryAgain(Math.min(2 * delay, LONGEST_DELAY_MS)));
    }, delay);
  }

  private failure(message = this.options.lost): RpcError {
    return new RpcError(CLIENT_CODES.connectionLost, message, { kind: "connectionLost", hint: this.options.ended });
  }
}

/** Says hello; what is wrong with the server, in words, or undefined. */
async function greet(connection: RpcConnection, name: string): Promise<string | undefined> {
  const greeting = (await connection.request("initialize", {
    processId: null,
    clientInfo: { name },
    rootUri: null,
    capabilities: { window: { workDoneProgress: true }, general: { positionEncodings: ["utf-16"] } },
    initializationOptions: {},
  })) as { capabilities?: { experimental?: { exbert?: { protocolVersion?: string } } } } | null;
  const complaint = versionMismatch(PROTOCOL_VERSION, greeting?.capabilities?.experimental?.exbert?.protocolVersion);
  if (complaint === undefined) connection.notify("initialized", {});
  return complaint;
}
