/** What was thrown, as the error that panes show. */
import type { HostError } from "../host";

export function asHostError(error: unknown): HostError {
  if (typeof error === "object" && error !== null && "message" in error) {
    const { message } = error as { message: unknown };
    const code = "code" in error && typeof error.code === "number" ? error.code : 0;
    const data = "data" in error ? (error.data as HostError["data"]) : undefined;
    return { code, message: String(message), data };
  }
  return { code: 0, message: String(error) };
}
