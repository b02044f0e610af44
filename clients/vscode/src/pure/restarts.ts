/** One automatic restart; a second crash within `window` milliseconds is left to the person. */
export class RestartPolicy {
  private last: number | undefined;

  constructor(private readonly window: number) {}

  /** Whether a crash at `now` (milliseconds) may be answered with a restart, which then counts. */
  allow(now: number): boolean {
    if (this.last !== undefined && now - this.last < this.window) return false;
    this.last = now;
    return true;
  }

  /** The person restarted by hand: the next crash is a first one again. */
  reset(): void {
    this.last = undefined;
  }
}
