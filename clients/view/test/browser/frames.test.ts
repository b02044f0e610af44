import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, settled } from "./page";

interface Times {
  /** Lower quartile: what it costs where other work on the machine doesn't cool the caches. */
  readonly quartile: number;
  readonly median: number;
  /** 95 of 100 take no longer. */
  readonly p95: number;
  readonly worst: number;
}

/** Main-thread milliseconds so far, in CPU time: what others do on the machine does not count. */
async function taskTime(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * (metrics.find((metric) => metric.name === "TaskDuration")?.value ?? Number.NaN);
}

/** Scripts, styles, layout and paint of the main thread for each action, from its start to two frames later. */
async function measure(page: Page, actions: readonly string[]): Promise<Times> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const times: number[] = [];
  for (const action of actions) {
    const before = await taskTime(session);
    await page.evaluate(`(async () => {
      ${action};
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    })()`);
    times.push((await taskTime(session)) - before);
  }
  times.sort((a, b) => a - b);
  return {
    quartile: times[Math.floor(times.length / 4)],
    median: times[Math.floor(times.length / 2)],
    p95: times[Math.min(times.length - 1, Math.ceil(0.95 * times.length) - 1)],
    worst: times[times.length - 1],
  };
}

function reported(what: string, times: Times): Times {
  process.stdout.write(
    `${what}: quartile ${times.quartile.toFixed(1)} ms, median ${times.median.toFixed(1)} ms, 95 % ${times.p95.toFixed(1)} ms, worst ${times.worst.toFixed(1)} ms\n`,
  );
  return times;
}

const click = (selector: string) => `document.querySelector(${JSON.stringify(selector)}).click()`;
const HEADS = Array.from({ length: 12 }, (_, head) => click(`.head[aria-label="head ${head}"]`));
const LAYERS = [3, 1, 4, 0, 5, 2].map((layer) => click(`[aria-label="layer"] button:nth-child(${layer + 1})`));
const SCROLLS = Array.from(
  { length: 20 },
  (_, i) => `document.querySelector(".attention-scroll").scrollTop = ${150 * (i + 1)}`,
);
const HOVERS = Array.from(
  { length: 10 },
  (_, i) => `document.querySelectorAll(".tokens.left .token")[${i + 3}].dispatchEvent(new MouseEvent("mouseenter"))`,
);

/** A bare page that does what a redraw is made of: 2,000 curves on a canvas, 300 labels laid out. */
const BARE = `<canvas width="600" height="600"></canvas><div></div>`;
const BARE_WORK = `
  const paper = document.querySelector("canvas").getContext("2d");
  paper.clearRect(0, 0, 600, 600);
  paper.globalAlpha = 0.3;
  for (let i = 0; i < 2000; i++) {
    paper.beginPath();
    paper.moveTo(0, (i * 37) % 600);
    paper.bezierCurveTo(200, (i * 37) % 600, 400, (i * 91) % 600, 600, (i * 91) % 600);
    paper.stroke();
  }
  document.querySelector("div").replaceChildren(...Array.from({ length: 300 }, (_, i) => {
    const label = document.createElement("span");
    label.textContent = "token " + i;
    label.style.opacity = String((i % 10) / 10);
    return label;
  }))`;
/**
 * What the bare page takes on a quiet machine: 8.0 to 8.5 ms in eight of nine measurements on two cores with nothing
 * else to do, 11.9 ms in the first one after the browser was installed. Limits are stretched where it takes longer. A
 * change of layer at 128 tokens takes 1.1 to 1.2 times the bare page in the same runs; 16 ms are 1.9 times this. A toggled
 * head also draws the heat map again: 1.7 to 1.9 times, and 24 ms are 2.8 times.
 */
const BARE_MILLISECONDS = 8.5;

/** How many times as long the bare page takes here and now; a limit in milliseconds is stretched by it, and says so. */
async function slowness(page: Page): Promise<number> {
  const blank = await (page.context().browser() as Browser).newPage();
  await blank.setContent(BARE);
  await measure(blank, Array(8).fill(BARE_WORK));
  const bare = (await measure(blank, Array(24).fill(BARE_WORK))).median;
  await blank.close();
  const factor = Math.max(1, bare / BARE_MILLISECONDS);
  process.stdout.write(`bare page: ${bare.toFixed(1)} ms; limits are stretched by ${factor.toFixed(2)}\n`);
  return factor;
}

// a busy machine cools the caches: the budget must be kept in one of three tries
describe.skipIf(!hasChromium)("drawing keeps to its frame budget", { retry: 2 }, () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("at 128 tokens a change of layer or token looked at takes less than a frame of 16 ms, a toggled head 24", async () => {
    const { page } = await dev.open("long128");
    await page.waitForFunction("document.querySelectorAll('.token').length > 10");
    await settled(page);
    const factor = await slowness(page);
    await measure(page, HEADS);
    const head = reported("128 tokens, head toggled", await measure(page, [...HEADS, ...HEADS, ...HEADS, ...HEADS]));
    const layer = reported("128 tokens, layer changed", await measure(page, [...LAYERS, ...LAYERS]));
    const hover = reported("128 tokens, token looked at", await measure(page, HOVERS));
    expect(head.quartile).toBeLessThan(24 * factor);
    expect(head.p95).toBeLessThan(50 * factor);
    expect(layer.quartile).toBeLessThan(16 * factor);
    expect(hover.quartile).toBeLessThan(16 * factor);
    await page.close();
  }, 180_000);

  it("a text of 128 tokens is drawn in less than 200 ms", async () => {
    const { page } = await dev.open("long128");
    await page.waitForFunction("document.querySelectorAll('.token').length > 10");
    await settled(page);
    const factor = await slowness(page);
    const explore = (i: number) =>
      `const { host } = window.exbert;
       const draws = performance.getEntriesByName("exbert:draw").length;
       const whole = document.querySelector(".input-text").title || document.querySelector(".input-text").textContent;
       window.whole ??= whole;
       host.selections.fire({ input: { text: ${i % 2 === 0} ? window.whole : window.whole.replace(/^\\S+/, "Another") }, label: "" });
       for (let n = 0; n < 400 && performance.getEntriesByName("exbert:draw").length === draws; n++)
         await new Promise((done) => setTimeout(done, 5))`;
    await measure(page, [1, 0].map(explore));
    const text = reported("128 tokens, text to picture", await measure(page, [1, 0, 1, 0, 1, 0].map(explore)));
    expect(text.quartile).toBeLessThan(200 * factor);
    await page.close();
  }, 180_000);

  it("a toggled head is drawn once, also when it changes how many curves are left out", async () => {
    const { page } = await dev.open("long128");
    await page.waitForFunction("document.querySelectorAll('.token').length > 10");
    await settled(page);
    const left = () => page.locator(".attention-picture .legend").textContent();
    for (const head of HEADS.slice(0, 3)) {
      const before = await left();
      const draws = await page.evaluate(`(async () => {
        performance.clearMeasures("exbert:draw");
        ${head};
        for (let frame = 0; frame < 6; frame++) await new Promise((done) => requestAnimationFrame(done));
        return performance.getEntriesByName("exbert:draw").length;
      })()`);
      expect(await left()).not.toBe(before);
      expect(draws).toBe(1);
    }
    await page.close();
  }, 60_000);

  it("at 512 tokens a redraw takes less than 50 ms", async () => {
    const { page } = await dev.open("long512");
    await page.waitForFunction("document.querySelectorAll('.token').length > 10");
    await settled(page);
    const factor = await slowness(page);
    await measure(page, HEADS);
    const scroll = reported("512 tokens, scrolled", await measure(page, SCROLLS));
    const head = reported("512 tokens, head toggled", await measure(page, HEADS));
    const hover = reported("512 tokens, token looked at", await measure(page, HOVERS));
    expect(scroll.quartile).toBeLessThan(50 * factor);
    expect(head.quartile).toBeLessThan(50 * factor);
    expect(hover.quartile).toBeLessThan(50 * factor);
    await page.close();
  }, 300_000);

  it("at 2,048 tokens a frame of the heat map takes less than 50 ms", async () => {
    const { page } = await dev.open("long2048", { view: { heatMap: "only" } });
    await page.waitForSelector(".map-canvas", { timeout: 120_000 });
    await settled(page);
    const factor = await slowness(page);
    const key = (name: string) =>
      `document.querySelector(".map-canvas").dispatchEvent(new KeyboardEvent("keydown", { key: "${name}" }))`;
    const move = (i: number) =>
      `{ const map = document.querySelector(".map-canvas"); const box = map.getBoundingClientRect();
        map.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + 100 + ${9 * i}, clientY: box.top + 90 + ${7 * i} })); }`;
    // the first look at a level makes its image
    await measure(page, ["+", "+", "+", "+", "0"].map(key));
    const zoom = reported(
      "2,048 tokens, heat map zoomed",
      await measure(page, ["+", "+", "+", "-", "-", "-"].map(key)),
    );
    const cross = reported(
      "2,048 tokens, crosshair moved",
      await measure(
        page,
        Array.from({ length: 20 }, (_, i) => move(i)),
      ),
    );
    expect(zoom.median).toBeLessThan(50 * factor);
    expect(cross.median).toBeLessThan(50 * factor);
    await page.close();
  }, 300_000);

  it("a text of twelve tokens is drawn in less than 100 ms, and fifty contexts of its pinned token in less than 110", async () => {
    const { page } = await dev.open("synthetic", { view: { pinned: null } });
    await page.waitForSelector(".token");
    await settled(page);
    const factor = await slowness(page);
    const texts = ["She ran to a pub to escape it all there.", "The girl knew why she was late in the town."];
    const explore = (i: number) =>
      `window.exbert.host.selections.fire({ input: { text: ${JSON.stringify(texts[i % 2])} }, label: "" });
       await new Promise((done) => setTimeout(done, 60))`;
    await measure(page, [0, 1, 0].map(explore));
    const text = reported("12 tokens, text to picture", await measure(page, [1, 0, 1, 0, 1, 0].map(explore)));
    const pin = (row: number) =>
      `document.querySelector('.tokens.left [data-row="${row}"]').click();
       for (let i = 0; i < 100 && document.querySelector(".hit") === null; i++) await new Promise((done) => setTimeout(done, 10))`;
    const unpin = `document.querySelector(".tokens.left .pinned")?.click(); await new Promise((done) => setTimeout(done, 60))`;
    const pins: Times[] = [];
    for (const row of [3, 5, 4, 6, 2]) {
      pins.push(await measure(page, [pin(row)]));
      await measure(page, [unpin]);
    }
    const median = pins.map((one) => one.median).sort((a, b) => a - b)[2];
    process.stdout.write(`pinned token to 50 contexts: median ${median.toFixed(1)} ms\n`);
    expect(text.median).toBeLessThan(100 * factor);
    expect(median).toBeLessThan(110 * factor);
    await page.close();
  }, 180_000);

  it("draws only the rows in sight of a thousand contexts", async () => {
    const { page } = await dev.open("synthetic", { view: { k: 1000 } });
    await page.waitForSelector(".hit");
    expect(await page.locator(".hit").count()).toBeLessThan(60);
    expect(await page.locator("[role=grid]").getAttribute("aria-rowcount")).toBe("1000");
    const scroll = Array.from(
      { length: 20 },
      (_, i) => `document.querySelector(".hits-scroll").scrollTop = ${120 * (i + 1)}`,
    );
    const factor = await slowness(page);
    const times = reported("1000 contexts, scrolled", await measure(page, scroll));
    expect(times.quartile).toBeLessThan(16 * factor);
    await page.close();
  }, 180_000);
});
