/** Builds and serves the dev page on loopback. */
export function servePage(port?: number): Promise<{ readonly url: string; close(): void }>;
