/** Only the newest request counts: starting one aborts the one before, whose answer is dropped. */

export type Outcome<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "superseded" };

export class Latest {
  private current: AbortController | null = null;

  get busy(): boolean {
    return this.current !== null;
  }

  /** Runs `task`. Gives its result or error only if nothing newer was started and it was not cancelled. */
  async run<T>(task: (signal: AbortSignal) => Promise<T>): Promise<Outcome<T>> {
    this.cancel();
    const mine = new AbortController();
    this.current = mine;
    try {
      const value = await task(mine.signal);
      return this.current === mine ? { kind: "done", value } : { kind: "superseded" };
    } catch (error) {
      if (this.current !== mine) return { kind: "superseded" };
      throw error;
    } finally {
      if (this.current === mine) this.current = null;
    }
  }

  /** Aborts what runs. Its `run` ends as superseded. */
  cancel(): void {
    const running = this.current;
    this.current = null;
    running?.abort();
  }
}
