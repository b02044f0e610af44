/** A promise was given up after this many milliseconds without an answer or progress. */
export class TimeoutError extends Error {
  constructor(readonly milliseconds: number) {
    super(`No answer for ${Math.round(milliseconds / 1000)} s`);
    this.name = "TimeoutError";
  }
}

export interface Deadline<Value> {
  readonly promise: Promise<Value>;
  /** Progress was made: the time starts again. */
  touch(): void;
}

/**
 * The outcome of `work`, or a {@link TimeoutError} once nothing was heard of it for `milliseconds`.
 * `onTimeout` then stops the work itself.
 */
export function withDeadline<Value>(
  work: Promise<Value>,
  milliseconds: number,
  onTimeout: () => void,
): Deadline<Value> {
  let restart: () => void = () => undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let settled = false;
    const settle = (finish: () => void): void => {
      settled = true;
      clearTimeout(timer);
      finish();
    };
    restart = (): void => {
      if (settled) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        settle(() => reject(new TimeoutError(milliseconds)));
        onTimeout();
      }, milliseconds);
    };
    restart();
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
  return { promise, touch: () => restart() };
}
