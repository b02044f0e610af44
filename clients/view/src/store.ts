/** A value that notifies its subscribers of changes; the view's single source of truth. */
import { useEffect, useReducer, useRef } from "preact/hooks";

export class Store<T extends object> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(change: Partial<T>): void {
    const keys = Object.keys(change) as (keyof T)[];
    if (keys.every((key) => Object.is(this.value[key], change[key]))) return;
    this.value = { ...this.value, ...change };
    for (const listener of [...this.listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

export function shallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.is(left[key], right[key]));
}

/** Draws again only when what was selected differs (one level deep). */
export function useSelect<T extends object, S>(store: Store<T>, select: (state: T) => S): S {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const selected = select(store.get());
  const last = useRef(selected);
  const selector = useRef(select);
  selector.current = select;
  last.current = selected;
  useEffect(() => {
    const check = () => {
      if (!shallowEqual(last.current, selector.current(store.get()))) redraw(undefined);
    };
    check();
    return store.subscribe(check);
  }, [store]);
  return selected;
}
