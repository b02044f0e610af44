/**
 * Everything that can go wrong, as the JSON-RPC error that the view shows.
 * The server's own errors pass unchanged; what happens on this side of the wire gets a `kind` of its own.
 */
import { ERROR_CODES } from "../../../../protocol/types";
import { CLIENT_CODES, type ClientErrorKind } from "../../../shared/src/clientErrors";
import type { HostError } from "../messages";
import { TimeoutError } from "./deadline";

/** A failure on the client's side, with what the person can do about it. */
export class ClientFailure extends Error {
  constructor(
    readonly kind: ClientErrorKind,
    message: string,
    readonly hint: string,
    /** Whether it helps to install or to update the package. */
    readonly packageHelps = true,
  ) {
    super(message);
    this.name = "ClientFailure";
  }
}

interface RpcErrorLike {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

function isRpcError(error: unknown): error is RpcErrorLike {
  if (typeof error !== "object" || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === "number" && typeof message === "string";
}

// vscode-jsonrpc's own codes for a connection that went away with requests pending
const CONNECTION_CODES = new Set([-32096, -32097, -32099]);

/** The failure as plain JSON for the webview. */
export function toHostError(error: unknown): HostError {
  if (error instanceof ClientFailure) {
    return { code: CLIENT_CODES[error.kind], message: error.message, data: { kind: error.kind, hint: error.hint } };
  }
  if (error instanceof TimeoutError) {
    const hint = "The request was cancelled. Raise exbert.limits.timeout, or restart the server.";
    return { code: CLIENT_CODES.timeout, message: error.message, data: { kind: "timeout", hint } };
  }
  if (isRpcError(error)) {
    if (CONNECTION_CODES.has(error.code)) return toHostError(serverDied());
    const data =
      typeof error.data === "object" && error.data !== null
        ? (error.data as NonNullable<HostError["data"]>)
        : undefined;
    return data === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, data };
  }
  return { code: ERROR_CODES.internal, message: error instanceof Error ? error.message : String(error) };
}

/** The failure of a request whose server stopped before it answered. */
export function serverDied(): ClientFailure {
  return new ClientFailure(
    "serverDied",
    "The exBERT server stopped before it answered",
    "Try again. The log has the reason.",
  );
}
