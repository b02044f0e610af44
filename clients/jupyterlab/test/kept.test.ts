import { describe, expect, it } from "vitest";
import { keptByTab } from "../src/kept";

function storage(room = Number.POSITIVE_INFINITY): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  } as unknown as Storage;
}

describe("what a tab keeps", () => {
  it("is found again on the same page, and not on another", async () => {
    const tab = storage();
    await keptByTab(tab, "/notebooks/a.ipynb").save("panel", { layer: 2 });
    expect(await keptByTab(tab, "/notebooks/a.ipynb").fetch("panel")).toEqual({ layer: 2 });
    expect(await keptByTab(tab, "/notebooks/b.ipynb").fetch("panel")).toBeUndefined();
  });

  it("is refused, not half kept, where there is no room", async () => {
    const tab = keptByTab(storage(4), "/a");
    await expect(tab.save("panel", { text: "long" })).rejects.toThrow("full");
    expect(await tab.fetch("panel")).toBeUndefined();
  });
});
