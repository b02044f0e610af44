/** Automatic restarts after a crash: the same policy in every client. */

/** Restarts within the window; the next crash is left to the person. */
export const RESTARTS = 3;
/** Long enough for a server that crashes while it loads a large model. */
export const RESTART_WINDOW_MS = 3 * 60_000;

export class RestartPolicy {
  private crashes: readonly number[] = [];

  constructor(
    private readonly restarts = RESTARTS,
    private readonly windowMs = RESTART_WINDOW_MS,
  ) {}

  /** Counts a crash at `now` (milliseconds). True: restart the server. */
  allow(now: number): boolean {
    this.crashes = [...this.crashes.filter((time) => now - time < this.windowMs), now];
    return this.crashes.length <= this.restarts;
  }

  /** A person restarted the server: the next crash is a first one again. */
  reset(): void {
    this.crashes = [];
  }

  /** Why the server stays down after `allow` said no, as two sentences. */
  get complaint(): string {
    const minutes = Math.round(this.windowMs / 60_000);
    return `The exBERT server crashed ${this.crashes.length} times within ${minutes} minutes. Automatic restart is off.`;
  }
}

/** What the person reads between a crash and its restart, and after it. */
export const RESTARTING = "Restarting it…";
export const RESTARTED = "The exBERT server was restarted. Results were refreshed.";
