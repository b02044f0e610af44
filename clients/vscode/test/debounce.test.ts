import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { debounce } from "../src/pure/debounce";

describe("debounce", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("calls once with the last arguments after they have rested", () => {
    const action = vi.fn();
    const call = debounce(() => 100, action);
    call("a");
    vi.advanceTimersByTime(99);
    call("b");
    vi.advanceTimersByTime(99);
    expect(action).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(action.mock.calls).toEqual([["b"]]);
  });

  it("reads the delay at each call", () => {
    const action = vi.fn();
    let delay = 100;
    const call = debounce(() => delay, action);
    delay = 10;
    call();
    vi.advanceTimersByTime(10);
    expect(action).toHaveBeenCalledOnce();
  });

  it("forgets a waiting call when it is cancelled", () => {
    const action = vi.fn();
    const call = debounce(() => 100, action);
    call();
    call.cancel();
    vi.advanceTimersByTime(1000);
    expect(action).not.toHaveBeenCalled();
  });
});
