/** Follow-selection: hands a selection on when it has stood still, and only when it is another one. */

export interface Follower {
  /** Something may have been selected. */
  poke(): void;
  dispose(): void;
}

export function follow<T>(options: {
  readonly read: () => T | null;
  readonly same: (a: T, b: T) => boolean;
  readonly use: (selection: T) => void;
  readonly delay: () => number;
}): Follower {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: T | null = null;
  const look = () => {
    const selection = options.read();
    if (selection !== null && (last === null || !options.same(last, selection))) {
      last = selection;
      options.use(selection);
    }
  };
  return {
    poke: () => {
      clearTimeout(timer);
      timer = setTimeout(look, options.delay());
    },
    dispose: () => clearTimeout(timer),
  };
}
