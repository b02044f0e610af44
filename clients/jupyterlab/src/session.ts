/**
 * One page's session on the server: connects when first needed, greets, reconnects after a crash, and
 * tells its listeners what happened.
 */

import type { ExperimentalCapability, Method, Methods } from "#protocol";
import { PROTOCOL_VERSION } from "#protocol";
import { CLIENT_CODES } from "#shared/clientErrors";
import { Emitter } from "#shared/emitter";
import { versionMismatch } from "#shared/protocolVersion";
import { RESTARTED, RESTARTING, RestartPolicy } from "#shared/restarts";
import type { Closing, Socket } from "#shared/rpc";
import { RpcConnection, RpcError } from "#shared/rpc";
import { sentence } from "#shared/sentences";
import type { RequestOptions, ServerEvent } from "#view";

/** Close codes of exbert_jupyterlab/handlers.py. */
export const SERVER_ENDED = 4001;
export const SERVER_UNAVAILABLE = 4002;
const INSTALL_HINT =
  "Run: pip install exbert-rpc. Or set c.ExbertApp.python in jupyter_server_config.py to an interpreter that has it.";
const RECONNECTED = "The connection to the exBERT server is back. Results were refreshed.";
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

export interface SessionOptions {
  /** Opens a socket; resolves when it is open, rejects with a {@link ClosedEarly} when it is refused. */
  readonly open: () => Promise<Socket>;
  /** Whether the package itself is missing, asked for after a refusal. */
  readonly isMissing: () => Promise<boolean>;
  readonly initializationOptions: () => object;
  readonly rootUri: () => Promise<string>;
  readonly now?: () => number;
}

export class ClosedEarly extends Error {
  constructor(readonly closing: Closing) {
    super(closing.reason);
  }
}

export class Session {
  info: ExperimentalCapability | null = null;
  private connecting: Promise<RpcConnection> | null = null;
  private readonly emitter = new Emitter<ServerEvent>();
  private readonly policy = new RestartPolicy();
  private last: ServerEvent = { kind: "starting" };
  private wasReady = false;
  /** What to say of the next connection. */
  private back = RESTARTED;
  private disposed = false;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: SessionOptions) {}

  /** What happened last; a view that is opened later starts from it. */
  get state(): ServerEvent {
    return this.last;
  }

  onEvent(listener: (event: ServerEvent) => void): { dispose(): void } {
    return this.emitter.on(listener);
  }

  /** Asks the server; connects first where needed. Rejects with an {@link RpcError}. */
  async request<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    options: RequestOptions = {},
  ): Promise<Methods[M]["result"]> {
    const connection = await this.connection();
    return (await connection.request(method, params, options)) as Methods[M]["result"];
  }

  async notify(method: string, params: object): Promise<void> {
    (await this.connection()).notify(method, params);
  }

  /** Drop the connection and make a new one, with a clean count of crashes: what a person asked for. */
  async reconnect(): Promise<void> {
    this.policy.reset();
    this.back = RESTARTED;
    const old = this.connecting;
    this.connecting = null;
    (await old?.catch(() => null))?.close();
    await this.connection();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.retry);
    void this.connecting?.then(
      (connection) => connection.close(),
      () => undefined,
    );
    this.emitter.clear();
  }

  private connection(): Promise<RpcConnection> {
    if (this.connecting === null) {
      clearTimeout(this.retry);
      const attempt = this.connect();
      this.connecting = attempt;
      attempt.catch(() => {
        if (this.connecting === attempt) {
          this.connecting = null;
        }
      });
    }
    return this.connecting;
  }

  private async connect(): Promise<RpcConnection> {
    this.tell({ kind: "starting", message: "Starting the exBERT server…" });
    const connection = new RpcConnection(await this.open());
    const closed = connection.closed.then((closing) => this.onClosed(connection, closing));
    closed.catch(() => undefined);
    try {
      this.info = await this.greet(connection);
    } catch (error) {
      connection.close();
      const message = error instanceof Error ? error.message : String(error);
      this.tell({ kind: "crashed", message });
      throw error;
    }
    this.tell(this.wasReady ? { kind: "restarted", message: this.back } : { kind: "ready" });
    this.wasReady = true;
    return connection;
  }

  private async open(): Promise<Socket> {
    try {
      return await this.options.open();
    } catch (error) {
      const closing = error instanceof ClosedEarly ? error.closing : { code: 1006, reason: "" };
      const missing = closing.code === SERVER_UNAVAILABLE && (await this.options.isMissing().catch(() => false));
      const message = closing.reason === "" ? "Jupyter is not reachable." : sentence(closing.reason);
      this.tell({ kind: missing ? "missing" : "crashed", message });
      const kind = missing ? "serverMissing" : "connectionLost";
      throw new RpcError(CLIENT_CODES[kind], message, {
        kind,
        hint: missing ? INSTALL_HINT : "Run “exBERT: Restart Server”.",
      });
    }
  }

  private async greet(connection: RpcConnection): Promise<ExperimentalCapability> {
    const rootUri = await this.options.rootUri();
    const greeting = (await connection.request("initialize", {
      processId: null,
      clientInfo: { name: "exbert-jupyterlab" },
      rootUri,
      capabilities: { window: { workDoneProgress: true }, general: { positionEncodings: ["utf-16"] } },
      initializationOptions: this.options.initializationOptions(),
    })) as { capabilities?: { experimental?: { exbert?: ExperimentalCapability } } } | null;
    const info = greeting?.capabilities?.experimental?.exbert;
    const complaint = versionMismatch(PROTOCOL_VERSION, info?.protocolVersion);
    if (info === undefined || complaint !== undefined) {
      throw new RpcError(CLIENT_CODES.protocolMismatch, complaint ?? "The server does not describe itself.", {
        kind: "protocolMismatch",
        hint: "Run: pip install --upgrade exbert-rpc exbert-jupyterlab, and restart Jupyter.",
      });
    }
    connection.notify("initialized", {});
    return info;
  }

  private onClosed(connection: RpcConnection, closing: Closing): void {
    void this.connecting?.then(
      (current) => {
        if (current === connection && !this.disposed) {
          this.connecting = null;
          this.comeBack(closing);
        }
      },
      () => undefined,
    );
  }

  /** A crashed server is restarted at once, as often as the policy allows; a lost network is tried with growing pauses. */
  private comeBack(closing: Closing): void {
    const crashed = closing.code === SERVER_ENDED;
    this.back = crashed ? RESTARTED : RECONNECTED;
    if (crashed && !this.policy.allow((this.options.now ?? Date.now)())) {
      this.tell({ kind: "crashed", message: `${this.policy.complaint} Run “exBERT: Restart Server”.` });
      return;
    }
    const why = closing.reason === "" ? "The connection to the exBERT server was lost." : sentence(closing.reason);
    this.tell({ kind: "crashed", message: `${why} ${crashed ? RESTARTING : "Connecting again…"}` });
    this.tryAgain(crashed ? FIRST_DELAY_MS / 5 : FIRST_DELAY_MS);
  }

  private tryAgain(delay: number): void {
    this.retry = setTimeout(() => {
      if (this.disposed || this.connecting !== null) {
        return;
      }
      this.connection().catch(() => {
        if (this.last.kind !== "missing") {
          this.tryAgain(Math.min(2 * delay, LONGEST_DELAY_MS));
        }
      });
    }, delay);
  }

  private tell(event: ServerEvent): void {
    this.last = event;
    this.emitter.fire(event);
  }
}
