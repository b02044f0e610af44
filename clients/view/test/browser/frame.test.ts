/** A person with the whole view: files, links, small windows. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, log, opened, settled } from "./page";

describe.skipIf(!hasChromium)("a person", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("saves pictures and tables, and copies a link that restores the view", async () => {
    const { page } = await opened(dev);
    await page.waitForSelector(".hit");
    await settled(page);
    const choose = async (text: string) => {
      await page.locator('[aria-haspopup="menu"]').click();
      await page.locator(`[role="menuitem"]:text-is("${text}")`).click();
    };
    for (const text of [
      "Save attention as SVG",
      "Save attention as PNG",
      "Save contexts as CSV",
      "Save contexts as JSON",
      "Save summary as SVG",
      "Save summary as CSV",
      "Save all heads as SVG",
      "Save tokens as CSV",
    ])
      await choose(text);
    await page.waitForFunction("window.exbert.host.log.filter((one) => one.what === 'save').length === 8");
    const saved = await log(page, "save");
    expect(saved.map((file) => file.name).sort()).toEqual([
      "attention.png",
      "attention.svg",
      "contexts.csv",
      "contexts.json",
      "heads.svg",
      "summary.csv",
      "summary.svg",
      "tokens.csv",
    ]);
    const named = (name: string) => String(saved.find((file) => file.name === name)?.data);
    expect(named("attention.svg")).toMatch(/^<svg xmlns/);
    expect(named("heads.svg").match(/<g /g)?.length).toBe(6 * 12);
    expect(
      named("contexts.csv")
        .split("\r\n")
        .filter((line) => line !== "").length,
    ).toBeGreaterThan(50);
    expect(JSON.parse(named("contexts.json"))).toHaveLength(50);
    await choose("Copy link to this view");
    const [link] = (await page.evaluate(
      "window.exbert.host.log.filter((one) => one.what === 'copy').map((one) => one.value)",
    )) as string[];
    await page.locator('[aria-label="layer"] button').first().click();
    await choose("Restore a view …");
    await page.locator("dialog textarea").fill(link);
    await page.locator('dialog button:text-is("Restore")').click();
    await page.waitForFunction(
      "document.querySelector('#exbert-attention + .muted')?.textContent.includes('layer 2, head 11')",
    );
    await page.waitForSelector(".hit");
    await page.close();
  });

  it("still sees the picture at 200 % of a small window, and all of a panel of 220 pixels", async () => {
    const { page } = await opened(dev, "escape", { width: 640, height: 400, view: { pane: "attention" } });
    await settled(page);
    const top = (await page.locator(".attention-picture").boundingBox())?.y ?? 1000;
    expect(top).toBeLessThan(200);
    await page.close();
    const { page: thin } = await opened(dev, "escape", { width: 220, height: 700, view: { pane: "attention" } });
    const sideways = await thin.evaluate("document.querySelector('.exbert').scrollWidth <= 220");
    expect(sideways).toBe(true);
    await thin.close();
  });
});
