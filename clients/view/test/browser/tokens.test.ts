/** A person with the tokens of a text: pins, masks, numbers, heads. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, log, opened, settled, soon, token } from "./page";

describe.skipIf(!hasChromium)("a person", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("pins by a click, unpins by another, and masks by a double click that leaves the pin alone", async () => {
    const { page } = await opened(dev);
    await page.waitForSelector(".hit");
    await token(page, "left", 4).dblclick();
    await page.waitForSelector(".mask-bar .chip");
    await soon(() => token(page, "left", 9).getAttribute("aria-pressed")).toBe("true");
    expect((await log(page, "attend")).some((asked) => JSON.stringify(asked.mask) === "[4]")).toBe(true);
    await token(page, "left", 9).click();
    await soon(() => token(page, "left", 9).getAttribute("aria-pressed")).toBe("false");
    await soon(() => page.locator(".hit").count()).toBe(0);
    await page.close();
  });

  it("reaches tokens, pins, masks and undoes with the keyboard alone", async () => {
    const { page } = await opened(dev, "masked", { view: { mask: [], pinned: null } });
    await token(page, "left", 0).focus();
    for (let i = 0; i < 9; i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".hit");
    await soon(() => page.locator("#exbert-corpus").textContent()).toBe("Contexts like “escape”");
    await soon(() => page.locator(".predictions").textContent()).toMatch(/expected here/);
    await page.keyboard.press("m");
    await page.waitForSelector(".tokens.left .masked");
    await soon(() => page.evaluate(() => document.activeElement?.getAttribute("data-row"))).toBe("9");
    await page.keyboard.press("Control+z");
    await page.waitForFunction("document.querySelector('.tokens.left .masked') === null");
    await page.keyboard.press("ArrowRight");
    await soon(() => page.evaluate(() => document.activeElement?.closest(".tokens")?.classList.contains("right"))).toBe(
      true,
    );
    await page.close();
  });

  it("previews a head by hovering its chip or its column, and toggles it by a click on the column", async () => {
    const { page } = await opened(dev, "allheads");
    const heading = page.locator("#exbert-attention + .muted");
    await page.locator('.head[aria-label="head 3"]').hover();
    await soon(() => page.locator(".legend").first().textContent()).not.toMatch(/of 12 heads/);
    await page.mouse.move(900, 700);
    await soon(() => page.locator(".legend").first().textContent()).toMatch(/mean of 12 heads/);
    const canvas = await page.locator(".attention-canvas").boundingBox();
    if (canvas === null) throw new Error("no picture");
    await page.mouse.click(canvas.x + 6, canvas.y + 60);
    await soon(() => heading.textContent()).toMatch(/heads 1–11/);
    await page.close();
  });

  it("moves along the thumbnails and shows one head of another layer", async () => {
    const { page, errors } = await opened(dev, "allheads");
    await page.locator('[data-at="0:0"]').focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"]) await page.keyboard.press(key);
    await soon(() => page.locator("#exbert-attention + .muted").textContent()).toMatch(/layer 3, head 1 /);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("reads the number behind a cell of a matrix under the pointer, and that of a token by keyboard", async () => {
    const { page } = await opened(dev, "allheads");
    await settled(page);
    const canvas = await page.locator(".attention-canvas").boundingBox();
    if (canvas === null) throw new Error("no picture");
    await page.mouse.move(canvas.x + 6, canvas.y + 9.5 * 22);
    await soon(() => page.locator(".cell-tip").textContent()).toMatch(
      /^head 0: “escape” gives, mean over keys, 0\.\d+/,
    );
    await page.mouse.move(900, 700);
    await page.locator(".cell-tip").waitFor({ state: "detached" });
    await token(page, "left", 9).focus();
    await soon(() => page.locator(".inspector").textContent()).toMatch(/special tokens 0\.\d+.*in the heads/s);
    await page.close();
  });

  it("reads what must be known of the weights beside them, and of a search beside its contexts", async () => {
    const { page } = await opened(dev, "sinks");
    await soon(() => page.locator(".attention-picture ~ .note").first().textContent()).toBe(
      "Rows of attention sum to less than 1: this model has attention sinks, which take the rest and are no tokens.",
    );
    await soon(() => page.locator(".corpus .note").textContent()).toMatch(/some of the nearest may be missing\.$/);
    await page.close();
  });
});
