/**
 * The server process and the conversation with it: started at the first request, restarted when it crashes.
 * Every request settles: with the answer, the server's error, or a failure of this side (`pure/failures.ts`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as vscode from "vscode";
import { CloseAction, LanguageClient, type LanguageClientOptions, WorkDoneProgress } from "vscode-languageclient/node";
import { type ExperimentalCapability, type Method, type Methods, PROTOCOL_VERSION } from "../../../protocol/types";
import { versionMismatch } from "../../shared/src/protocolVersion";
import { RESTARTED, RESTARTING, RestartPolicy } from "../../shared/src/restarts";
import { withHint } from "../../shared/src/sentences";
import { findInterpreters, probeInterpreter } from "./environment";
import type { Progress, ServerEvent } from "./messages";
import { withDeadline } from "./pure/deadline";
import { ClientFailure, serverDied } from "./pure/failures";
import { type Examined, firstReady, nothingReady } from "./pure/finding";
import { describeInterpreter, type Interpreter } from "./pure/interpreters";
import { serverArguments, serverOptions } from "./pure/options";
import { describeProbe } from "./pure/probe";
import { reportsProgress } from "./pure/reporting";
import { readSettings } from "./settings";

export interface Session {
  readonly client: LanguageClient;
  readonly interpreter: Interpreter;
  readonly capability: ExperimentalCapability;
  readonly version: string | null;
  readonly child: ChildProcess;
}

export interface RequestContext {
  readonly token?: vscode.CancellationToken;
  readonly onProgress?: (progress: Progress) => void;
}

const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 2000;
const FAILURE_HOLDS = 1000;
// texts that an editor holds; other schemes (diffs, output) are sent by value
export const SYNCED_SCHEMES: readonly string[] = ["file", "untitled", "vscode-notebook-cell"];

export class Server implements vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<ServerEvent>();
  private readonly policy = new RestartPolicy();
  private starting: Promise<Session> | undefined;
  private failedAt: number | undefined;
  private lastEvent: ServerEvent | undefined;
  private progressTokens = 0;
  readonly onEvent = this.emitter.event;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly trace: vscode.OutputChannel,
    private readonly home: string,
    /** Where the extension keeps the environments that it makes. */
    private readonly environments: string,
  ) {}

  /** What happened last; undefined before the first start. */
  get state(): ServerEvent | undefined {
    return this.lastEvent;
  }

  /** The person has read that the server was restarted: a page that loads later is not told so. */
  acknowledge(): void {
    if (this.lastEvent?.kind === "restarted") this.lastEvent = { kind: "ready" };
  }

  /** The session; starts the server if there is none. A failure holds for a moment: requests made together share it. */
  session(): Promise<Session> {
    if (this.failedAt !== undefined && Date.now() - this.failedAt > FAILURE_HOLDS) return this.retry();
    this.starting ??= this.start();
    return this.starting;
  }

  /** The session; after a failed start it tries again at once. For what the person asks for directly. */
  retry(): Promise<Session> {
    if (this.failedAt !== undefined) {
      this.failedAt = undefined;
      this.starting = undefined;
      this.policy.reset();
    }
    return this.session();
  }

  /** The session if there is one, without starting anything. */
  async current(): Promise<Session | undefined> {
    return await this.starting?.catch(() => undefined);
  }

  async request<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    context: RequestContext = {},
  ): Promise<Methods[M]["result"]> {
    const { client } = await this.session();
    const cancel = new vscode.CancellationTokenSource();
    const linked = context.token?.onCancellationRequested(() => cancel.cancel());
    if (context.token?.isCancellationRequested === true) cancel.cancel();
    const workDoneToken = `exbert-${process.pid}-${++this.progressTokens}`;
    const sent = reportsProgress(method) ? { ...params, workDoneToken } : params;
    const work = client.sendRequest<Methods[M]["result"]>(method, sent, cancel.token);
    const deadline = withDeadline(work, readSettings().timeout, () => cancel.cancel());
    const progress = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      deadline.touch();
      if (value.kind !== "end") context.onProgress?.(pickProgress(value));
    });
    try {
      return await deadline.promise;
    } finally {
      progress.dispose();
      linked?.dispose();
      cancel.dispose();
    }
  }

  /** Hands changed settings to a running server. */
  async reconfigure(): Promise<void> {
    const session = await this.current();
    await session?.client.sendNotification("workspace/didChangeConfiguration", {
      settings: { exbert: serverOptions(readSettings()) },
    });
  }

  /** Restarts the server on a person's request. */
  async restart(): Promise<void> {
    this.policy.reset();
    await this.stop();
    await this.session();
  }

  async stop(): Promise<void> {
    const session = await this.current();
    this.starting = undefined;
    this.failedAt = undefined;
    if (session !== undefined) await this.end(session.client, session.child);
  }

  async dispose(): Promise<void> {
    await this.stop();
    this.emitter.dispose();
  }

  /** Asks the server to end, and kills it if it does not. */
  private async end(client: LanguageClient, child: ChildProcess | undefined): Promise<void> {
    await client
      .dispose(STOP_TIMEOUT)
      .catch((error: unknown) => this.log.warn(`Stopping the server: ${String(error)}`));
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await withDeadline(exit, STOP_TIMEOUT, () => child.kill("SIGKILL")).promise.catch(() => undefined);
  }

  private emit(event: ServerEvent): void {
    this.lastEvent = event;
    this.emitter.fire(event);
  }

  private async start(): Promise<Session> {
    this.emit({ kind: "starting", message: "Starting the exBERT server…" });
    try {
      const session = await this.launch();
      this.log.info(
        `Server ready: protocol ${session.capability.protocolVersion}, device ${session.capability.device}, process ${session.child.pid}`,
      );
      this.emit({ kind: "ready" });
      return session;
    } catch (error) {
      const failure = error instanceof ClientFailure ? error : startFailed(error);
      this.failedAt = Date.now();
      this.log.error(failure.message);
      this.emit({
        kind: failure.kind === "serverDied" ? "crashed" : "missing",
        message: withHint(failure.message, failure.hint),
      });
      throw failure;
    }
  }

  private async launch(): Promise<Session> {
    const { interpreter, version } = await this.findPackage();
    let child: ChildProcess | undefined;
    let isReady = false;
    const spawnServer = (): Promise<ChildProcess> => {
      const args = serverArguments(readSettings());
      this.log.info(`Starting ${interpreter.path} ${args.join(" ")}`);
      child = spawn(interpreter.path, args, { cwd: this.home, windowsHide: true });
      child.on("exit", (code, signal) => this.log.info(`The server ended with ${signal ?? `code ${code}`}`));
      return Promise.resolve(child);
    };
    const client = new LanguageClient("exbert", "exBERT", spawnServer, {
      ...this.clientOptions(),
      errorHandler: {
        error: () => ({ action: 1 }),
        closed: () => {
          if (isReady) void this.onDeath(client);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    });
    await withDeadline(client.start(), START_TIMEOUT, () => child?.kill("SIGKILL")).promise;
    const capability = readCapability(client.initializeResult?.capabilities.experimental);
    const mismatch = versionMismatch(PROTOCOL_VERSION, capability?.protocolVersion);
    if (child === undefined || capability === undefined || mismatch !== undefined) {
      await this.end(client, child);
      throw new ClientFailure(
        "protocolMismatch",
        mismatch ?? "The server does not describe itself.",
        "Then run “exBERT: Restart Server”.",
        !isNewer(capability?.protocolVersion),
      );
    }
    isReady = true;
    return { client, interpreter, capability, version, child };
  }

  private clientOptions(): LanguageClientOptions {
    return {
      documentSelector: SYNCED_SCHEMES.map((scheme) => ({ scheme })),
      initializationOptions: serverOptions(readSettings()),
      outputChannel: this.log,
      traceOutputChannel: this.trace,
      initializationFailedHandler: () => false,
    };
  }

  /** The interpreter that has the package; all that were looked at are in the log. */
  private async findPackage(): Promise<{ readonly interpreter: Interpreter; readonly version: string | null }> {
    const { ready, tried } = await firstReady(findInterpreters(this.environments), (interpreter) =>
      probeInterpreter(interpreter, this.home),
    );
    for (const one of tried) this.log.info(`Interpreter ${describeExamined(one)}`);
    if (ready?.answer.kind !== "ready") throw nothingReady(tried);
    return { interpreter: ready.interpreter, version: ready.answer.version };
  }

  private async onDeath(client: LanguageClient): Promise<void> {
    const session = await this.current();
    if (session?.client !== client) return; // stopped on purpose
    this.starting = undefined;
    if (!this.policy.allow(Date.now())) {
      const failure = new ClientFailure(
        "serverDied",
        this.policy.complaint,
        "See the log, then run “exBERT: Restart Server”.",
      );
      this.starting = Promise.reject(failure);
      this.starting.catch(() => undefined);
      this.failedAt = Date.now();
      this.emit({ kind: "crashed", message: withHint(failure.message, failure.hint) });
      return;
    }
    this.emit({ kind: "crashed", message: `The exBERT server stopped unexpectedly. ${RESTARTING}` });
    this.starting = this.start();
    await this.starting.then(
      () => this.emit({ kind: "restarted", message: RESTARTED }),
      () => undefined, // `start` has reported it
    );
  }
}

/** Whether it is this extension that has to be updated. */
const isNewer = (theirs: string | undefined): boolean =>
  Number.parseInt(theirs ?? "", 10) > Number.parseInt(PROTOCOL_VERSION, 10);

const describeExamined = ({ interpreter, answer }: Examined): string =>
  `${describeInterpreter(interpreter)}: ${describeProbe(answer)}`;

function startFailed(error: unknown): ClientFailure {
  const reason = error instanceof Error ? error.message : String(error);
  return new ClientFailure("serverDied", `The exBERT server did not start: ${reason}.`, serverDied().hint);
}

function pickProgress(value: { readonly message?: string; readonly percentage?: number }): Progress {
  return {
    ...(value.message === undefined ? {} : { message: value.message }),
    ...(value.percentage === undefined ? {} : { percentage: value.percentage }),
  };
}

function readCapability(experimental: unknown): ExperimentalCapability | undefined {
  const capability = (experimental as { exbert?: Partial<ExperimentalCapability> } | undefined)?.exbert;
  return typeof capability?.protocolVersion === "string" ? (capability as ExperimentalCapability) : undefined;
}
