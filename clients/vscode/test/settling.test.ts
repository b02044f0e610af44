import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TimeoutError, withDeadline } from "../src/pure/deadline";
import { Pending } from "../src/pure/pending";

describe("pending requests", () => {
  it("settle with the answer that names them", async () => {
    const pending = new Pending<string, string>();
    const first = pending.open();
    const second = pending.open();
    expect(pending.resolve(second.id, "two")).toBe(true);
    expect(pending.resolve(first.id, "one")).toBe(true);
    expect(await Promise.all([first.promise, second.promise])).toEqual(["one", "two"]);
    expect(pending.size).toBe(0);
  });

  it("take only the first of two answers", async () => {
    const pending = new Pending<string, string>();
    const { id, promise } = pending.open();
    pending.resolve(id, "first");
    expect(pending.resolve(id, "second")).toBe(false);
    expect(pending.reject(id, "third")).toBe(false);
    expect(await promise).toBe("first");
  });

  it("ignore an answer to nothing", () => {
    expect(new Pending<string, string>().resolve(7, "late")).toBe(false);
  });

  it("all fail when the other side is gone, and new ones still work", async () => {
    const pending = new Pending<string, string>();
    const outcomes = Promise.allSettled([pending.open().promise, pending.open().promise]);
    pending.rejectAll("gone");
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
    const next = pending.open();
    pending.resolve(next.id, "alive");
    expect(await next.promise).toBe("alive");
  });
});

describe("a deadline", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("passes the answer on", async () => {
    const onTimeout = vi.fn();
    const { promise } = withDeadline(Promise.resolve(5), 1000, onTimeout);
    expect(await promise).toBe(5);
    vi.advanceTimersByTime(5000);
    expect(onTimeout).not.toHaveBeenCalled();
  });

  it("passes the failure on unchanged", async () => {
    const failure = new RangeError("no");
    await expect(withDeadline(Promise.reject(failure), 1000, () => undefined).promise).rejects.toBe(failure);
  });

  it("gives up after silence and stops the work", async () => {
    const onTimeout = vi.fn();
    const { promise } = withDeadline(new Promise(() => undefined), 1000, onTimeout);
    const outcome = promise.catch((error: unknown) => error);
    vi.advanceTimersByTime(1000);
    expect(await outcome).toBeInstanceOf(TimeoutError);
    expect(onTimeout).toHaveBeenCalledOnce();
  });

  it("starts anew with each sign of life", async () => {
    const onTimeout = vi.fn();
    const deadline = withDeadline(new Promise(() => undefined), 1000, onTimeout);
    const outcome = deadline.promise.catch((error: unknown) => error);
    for (let step = 0; step < 5; step++) {
      vi.advanceTimersByTime(900);
      deadline.touch();
    }
    expect(onTimeout).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(await outcome).toBeInstanceOf(TimeoutError);
  });

  it("is not revived by a late sign of life", async () => {
    const onTimeout = vi.fn();
    const deadline = withDeadline(Promise.resolve(1), 1000, onTimeout);
    await deadline.promise;
    deadline.touch();
    vi.advanceTimersByTime(5000);
    expect(onTimeout).not.toHaveBeenCalled();
  });
});
