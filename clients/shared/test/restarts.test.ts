import { describe, expect, it } from "vitest";
import { RESTART_WINDOW_MS, RESTARTS, RestartPolicy } from "../src/restarts";

describe("a server that crashes", () => {
  it("is restarted three times within three minutes, and then no more", () => {
    const policy = new RestartPolicy();
    expect([RESTARTS, RESTART_WINDOW_MS]).toEqual([3, 180_000]);
    expect([0, 60_000, 120_000, 179_999].map((now) => policy.allow(now))).toEqual([true, true, true, false]);
    expect(policy.complaint).toBe("The exBERT server crashed 4 times within 3 minutes. Automatic restart is off.");
  });

  it("is restarted again once its earlier crashes are out of the window", () => {
    const policy = new RestartPolicy(1, 1000);
    expect([0, 999, 1000, 2000].map((now) => policy.allow(now))).toEqual([true, false, false, true]);
  });

  it("is always restarted when crashes are rare", () => {
    const policy = new RestartPolicy();
    const crashes = Array.from({ length: 50 }, (_, i) => policy.allow(i * (RESTART_WINDOW_MS / RESTARTS)));
    expect(crashes.every(Boolean)).toBe(true);
  });

  it("starts from a clean count when a person restarted it", () => {
    const policy = new RestartPolicy(1, 1000);
    policy.allow(0);
    policy.reset();
    expect(policy.allow(1)).toBe(true);
  });
});
