/** Errors of the clients' own side of the wire. The server never sends these codes. */
export const CLIENT_CODES = {
  /** The package or its interpreter is missing. */
  serverMissing: -33090,
  /** The process ended before it answered. */
  serverDied: -33091,
  protocolMismatch: -33092,
  timeout: -33093,
  /** The way to the server is interrupted. */
  connectionLost: -33094,
} as const;

export type ClientErrorKind = keyof typeof CLIENT_CODES;
