/** Only the newest request counts: starting one aborts the one before, whose answer is dropped. */

export type Outcome<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "superseded" };

export class Latest {
  private current: AbortController | null = null;

  get busy(): boolean {
    return this.current !== null;
  }

  /** Runs `task`. Its result or error is given only if nothing newer has started and nobody cancelled. */
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
