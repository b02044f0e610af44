export interface Debounced<Arguments extends readonly unknown[]> {
  (...args: Arguments): void;
  /** Forgets a call that waits. */
  cancel(): void;
}

/** Calls `action` with the last arguments, once they have rested for `delay()` milliseconds. */
export function debounce<Arguments extends readonly unknown[]>(
  delay: () => number,
  action: (...args: Arguments) => void,
): Debounced<Arguments> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = (): void => {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
  };
  const call = (...args: Arguments): void => {
    cancel();
    timer = setTimeout(() => {
      timer = undefined;
      action(...args);
    }, delay());
  };
  return Object.assign(call, { cancel });
}
