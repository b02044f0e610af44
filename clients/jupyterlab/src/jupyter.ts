/** The bridge of exbert_jupyterlab: its socket and its three plain addresses, behind Jupyter's authentication. */
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import type { Socket } from "#shared/rpc";
import { ClosedEarly } from "./session";

/** What `/exbert/status` says. */
export interface BridgeStatus {
  readonly state: "idle" | "starting" | "running" | "stopped" | "missing" | "failed";
  readonly reason: string;
  readonly pid: number | null;
  readonly starts: number;
  readonly python: string;
  readonly root: string;
  readonly rootUri: string;
  readonly version: string;
}

export class Bridge {
  private known: BridgeStatus | null = null;

  constructor(private readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** Opens a socket and waits for the server behind it; both can fail, with the reason in words. */
  open(): Promise<Socket> {
    const { wsUrl, appendToken, token } = this.settings;
    const query = appendToken && token !== "" ? `?token=${encodeURIComponent(token)}` : "";
    const socket = new this.settings.WebSocket(URLExt.join(wsUrl, "exbert/rpc") + query);
    return new Promise((resolve, reject) => {
      const refuse = ({ code, reason }: { code: number; reason: string }) => reject(new ClosedEarly({ code, reason }));
      socket.onclose = refuse;
      socket.onmessage = ({ data }) => {
        if (isGreeting(data)) {
          socket.onmessage = null;
          resolve(socket as unknown as Socket);
        }
      };
    });
  }

  async status(): Promise<BridgeStatus> {
    this.known = JSON.parse(await this.ask("exbert/status")) as BridgeStatus;
    return this.known;
  }

  /** Jupyter's root folder, which does not change while the page lives. */
  async root(): Promise<Pick<BridgeStatus, "root" | "rootUri">> {
    return this.known ?? (await this.status());
  }

  /** Restarts the process; rejects with the reason when it does not start. */
  async restart(): Promise<BridgeStatus> {
    const status = JSON.parse(
      await this.ask("exbert/restart", { method: "POST", body: "{}" }, [200, 503]),
    ) as BridgeStatus;
    if (status.state !== "running") {
      throw new Error(status.reason);
    }
    return status;
  }

  log(): Promise<string> {
    return this.ask("exbert/log");
  }

  private async ask(path: string, init: RequestInit = {}, accepted: readonly number[] = [200]): Promise<string> {
    const url = URLExt.join(this.settings.baseUrl, path);
    const answer = await ServerConnection.makeRequest(url, init, this.settings);
    if (!accepted.includes(answer.status)) {
      const advice =
        answer.status === 404 ? " Is the server extension enabled? See: jupyter server extension list" : "";
      throw new Error(`Jupyter answers ${answer.status} for ${path}.${advice}`);
    }
    return answer.text();
  }
}

/** The bridge's first message: the server is there, and messages pass from now on. */
function isGreeting(data: unknown): boolean {
  return data === '{"jsonrpc":"2.0","method":"bridge/connected"}';
}
