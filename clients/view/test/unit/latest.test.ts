import { describe, expect, it } from "vitest";
import { Latest } from "../../src/logic/latest";

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe("the latest request", () => {
  it("gives its answer", async () => {
    expect(await new Latest().run(async () => 7)).toEqual({ kind: "done", value: 7 });
  });

  it("aborts the one before, whose late answer is dropped", async () => {
    const latest = new Latest();
    const slow = deferred<string>();
    let signal: AbortSignal | undefined;
    const first = latest.run((given) => {
      signal = given;
      return slow.promise;
    });
    const second = latest.run(async () => "new");
    expect(signal?.aborted).toBe(true);
    expect(await second).toEqual({ kind: "done", value: "new" });
    slow.resolve("old");
    expect(await first).toEqual({ kind: "superseded" });
  });

  it("hears nothing of an aborted one's error", async () => {
    const latest = new Latest();
    const slow = deferred<string>();
    const first = latest.run(() => slow.promise);
    latest.cancel();
    slow.reject(new Error("cancelled"));
    expect(await first).toEqual({ kind: "superseded" });
  });

  it("passes its own error on and is free again", async () => {
    const latest = new Latest();
    await expect(latest.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(latest.busy).toBe(false);
  });
});
