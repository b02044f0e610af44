/** A person looks for a head by what it does. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, soon } from "./page";

describe.skipIf(!hasChromium)("a person who has never seen the heads of SmolLM2", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  const saysInduction = (page: Page) =>
    soon(() => page.locator(".head-card .findings li").first().textContent()).toMatch(
      /^Head 18\.6: where text repeats, looks at what came next the first time \(induction\), 91\s%/,
    );

  it("finds the induction head by typing what it does, in three actions", async () => {
    const { page, errors } = await dev.open("smollm");
    await page.locator('label:has-text("find heads that do") input').fill("induc");
    await soon(() => page.locator('[aria-label="Heads that were found"]').textContent()).toMatch(
      /^most induction:\s*head 18\.6 0\.91\s*head 17\.3 0\.82/,
    );
    expect(await page.locator('.head-cell[data-at="18:6"]').getAttribute("aria-label")).toBe(
      "layer 18, head 6: induction 0.91",
    );
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await saysInduction(page);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("finds it by the color of the map, with the mouse or with the keyboard alone", async () => {
    const { page } = await dev.open("smollm", { width: 420, height: 900 });
    await page.locator('label:has-text("color by") + select').selectOption({ label: "induction" });
    const darkest = page.locator(".head-cell", { hasText: "0.91" });
    expect(await darkest.count()).toBe(1);
    await darkest.click();
    await saysInduction(page);
    // the card stands below the map, and the frame stays where it is
    const inSight = async (selector: string) => ((await page.locator(selector).boundingBox())?.y ?? -1) >= 0;
    expect((await page.locator(".head-card").boundingBox())?.y).toBeLessThan(780);
    expect(await inSight("[role=tablist]")).toBe(true);
    await page.locator('.head-card button:text-is("close")').click();
    await page.locator('.head-cell[data-at="18:6"]').focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await saysInduction(page);
    await page.close();
  });

  it("finds it among the heads to begin with", async () => {
    const { page } = await dev.open("smollm");
    await page.locator(".starts button").first().click();
    await saysInduction(page);
    await page.close();
  });
});
