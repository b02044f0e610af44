/** Requests that wait for their answer. Each settles once: answered, failed, or given up. */
export class Pending<Value, Failure> {
  private next = 1;
  private readonly waiting = new Map<number, { resolve(value: Value): void; reject(failure: Failure): void }>();

  get size(): number {
    return this.waiting.size;
  }

  /** A new request; `id` goes over the wire, `promise` settles when one of the methods below names it. */
  open(): { id: number; promise: Promise<Value> } {
    const id = this.next++;
    const promise = new Promise<Value>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    return { id, promise };
  }

  /** Answers a request; false when nobody waits for it (any more). */
  resolve(id: number, value: Value): boolean {
    const entry = this.take(id);
    entry?.resolve(value);
    return entry !== undefined;
  }

  /** Fails a request; false when nobody waits for it (any more). */
  reject(id: number, failure: Failure): boolean {
    const entry = this.take(id);
    entry?.reject(failure);
    return entry !== undefined;
  }

  /** Fails everything that waits: the other side is gone. */
  rejectAll(failure: Failure): void {
    for (const id of [...this.waiting.keys()]) this.reject(id, failure);
  }

  private take(id: number): { resolve(value: Value): void; reject(failure: Failure): void } | undefined {
    const entry = this.waiting.get(id);
    this.waiting.delete(id);
    return entry;
  }
}
