/** A person with contexts of a corpus, and with what they share. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, log, opened, settled, soon } from "./page";

describe.skipIf(!hasChromium)("a person", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("opens a context at its line by click and by Enter", async () => {
    const { page } = await opened(dev);
    await page.locator(".hit").first().click();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await soon(() => log(page, "openLocation")).toHaveLength(2);
    const asked = await log(page, "openLocation");
    expect(asked[0]).toMatchObject({
      document: "file:///demo/comparisons.txt",
      range: { start: { line: 110, character: 42 } },
    });
    expect(asked[1]).toMatchObject({ document: "file:///demo/binary.txt" });
    await page.close();
  });

  it("reads a context's tokens one by one with the arrow keys", async () => {
    const { page } = await opened(dev);
    await page.locator(".hit").first().focus();
    await page.keyboard.press("ArrowRight");
    await soon(() => page.locator(".tip").textContent()).toMatch(/^improve.*POS VERB/);
    await page.keyboard.press("ArrowLeft");
    await soon(() => page.locator(".tip").textContent()).toMatch(/^to.*PART.*attention from the match 0\.\d+/);
    await page.close();
  });

  it("searches for pairs with the same relation, with the keyboard alone, and sees both ends of each", async () => {
    const { page, errors } = await opened(dev, "synthetic");
    await page.waitForSelector(".hit");
    await page.locator('.pane.corpus [role="radio"][aria-checked="true"]').first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".hit .target");
    const asked = (await log(page, "searchRelations"))[0];
    expect(asked).toMatchObject({ source: 9, layer: 2, head: 11 });
    const chosen = page.locator('.relation-bar label:has-text("attends to") + select');
    expect(await chosen.inputValue()).toBe(String(asked.target));
    await soon(() => page.locator("#exbert-corpus").textContent()).toMatch(
      /^Contexts with the relation “escape” → “\S+”$/,
    );
    await chosen.selectOption("8");
    await soon(async () => (await log(page, "searchRelations")).at(-1)?.target).toBe(8);
    await soon(() => page.locator("#exbert-corpus").textContent()).toBe("Contexts with the relation “escape” → “to”");
    const ends = await page
      .locator(".hit")
      .first()
      .evaluate((row) => [".match", ".target", ".score .hidden"].map((one) => row.querySelector(one)?.textContent));
    expect(ends[2]).toBe(`: “${ends[0]}” attends to “${ends[1]}”`);
    await page.locator('.inspector button:has-text("contexts with the same relation"):text-matches("^3 ")').click();
    await soon(async () => (await log(page, "searchRelations")).at(-1)?.head).toBe(3);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("filters the contexts by a bar and takes the filter off again", async () => {
    const { page } = await opened(dev);
    await page.locator('.bar:has-text("ADV")').first().click();
    await soon(() => page.locator(".bar-filter").textContent()).toMatch(/POS = ADV.*2 of 50 contexts/s);
    await soon(() => page.locator(".hit").count()).toBe(2);
    await page.locator(".bar-filter .chip").click();
    await soon(() => page.locator(".hit").count()).toBeGreaterThan(5);
    await page.close();
  });

  it("sees every match whole, and all of them at one place", async () => {
    const { page } = await opened(dev, "escape", { height: 1600 });
    await page.waitForSelector(".hit");
    await settled(page);
    const boxes = await page.locator(".hit").evaluateAll((rows) =>
      rows.map((row) => {
        const match = row.querySelector(".match")?.getBoundingClientRect();
        const cell = row.querySelector(".kwic-right")?.getBoundingClientRect();
        return {
          left: match?.left ?? Number.NaN,
          whole: match !== undefined && cell !== undefined && match.left >= cell.left && match.right <= cell.right,
        };
      }),
    );
    expect(boxes.length).toBeGreaterThan(15);
    expect(boxes.every((box) => box.whole)).toBe(true);
    expect(new Set(boxes.map((box) => Math.round(box.left))).size).toBe(1);
    await page.close();
  });

  it("sees whole sentences in a narrow panel, none over another", async () => {
    const { page } = await opened(dev, "escape", { width: 420, height: 900, view: { pane: "attention" } });
    await page.locator('[role="tab"]:has-text("Contexts")').click();
    await page.waitForSelector(".hit .sentence");
    await settled(page);
    await page.locator(".hits-scroll").evaluate((element) => element.scrollTo(0, 1500));
    await settled(page);
    const boxes = await page.locator(".hit").evaluateAll((rows) =>
      rows
        .map((row) => row.getBoundingClientRect())
        .map(({ top, bottom }) => ({ top, bottom }))
        .sort((a, b) => a.top - b.top),
    );
    // the first row keeps the tab stop and is drawn wherever the window is
    boxes.slice(2).forEach((box, i) => expect(box.top).toBeGreaterThanOrEqual(boxes[i + 1].bottom - 1));
    await page.close();
  });

  it("sees summary and contexts at once in a window of 1280 × 800, and folds the summary for more of them", async () => {
    const { page } = await opened(dev, "escape", { width: 1232, height: 708 });
    await page.waitForSelector(".histogram .bar");
    await settled(page);
    const inSight = (selector: string) =>
      page
        .locator(selector)
        .evaluateAll(
          (all) =>
            all.map((one) => one.getBoundingClientRect()).filter((box) => box.top >= 0 && box.bottom <= innerHeight)
              .length,
        );
    expect(await inSight(".histogram")).toBe(3);
    const rows = await inSight(".hit");
    expect(rows).toBeGreaterThan(5);
    await page.locator(".disclosure").click();
    await page.waitForSelector(".folded");
    await settled(page);
    expect(await page.locator(".folded").textContent()).toMatch(/TO \(infinitival "to"\)/);
    expect(await inSight(".hit")).toBeGreaterThan(rows + 5);
    await page.locator(".disclosure").press("Enter");
    await page.waitForSelector(".histogram .bar");
    await page.close();
  });

  it("adds and removes annotation columns, and chooses what they and the shading show", async () => {
    const { page } = await opened(dev);
    await page.waitForSelector(".hit");
    const heads = () => page.locator(".offsets > span").allTextContents();
    await soon(heads).toEqual(["−1", "match", "+1"]);
    await page.locator('[aria-label="change search and display"]').click();
    await page.locator('[aria-label="add a column on the left"]').click();
    await page.locator('[aria-label="remove a column on the right"]').click();
    await soon(heads).toEqual(["−2", "−1", "match"]);
    await soon(() => page.locator(".hit").first().locator(".swatch").count()).toBe(3);
    await page.locator('[aria-label="columns"] button:text-is("DEP")').click();
    await soon(() => page.locator(".hit").first().locator(".swatch.here").textContent()).toBe("acl");
    await page.locator('[aria-label="shaded by attention"] button:text-is("to")').click();
    await soon(() => page.locator(".around").textContent()).toMatch(/more attention to the match/);
    await page.locator('[aria-label="reset the columns"]').click();
    await soon(heads).toEqual(["−1", "match", "+1"]);
    await page.locator('[aria-label="Rows"] button:text-is("whole")').click();
    await page.waitForSelector(".hit .sentence");
    await page.close();
  });

  it("reads what the shading means, in words that fit the theme", async () => {
    for (const [theme, word] of [
      ["light", "darker"],
      ["dark", "brighter"],
      ["highContrast", "brighter"],
      ["highContrastLight", "darker"],
    ]) {
      const { page } = await opened(dev, "escape", { theme });
      await soon(() => page.locator(".around").textContent()).toBe(`${word}: more attention from the match`);
      await page.close();
    }
  });

  it("without a corpus is offered to index the folder", async () => {
    const { page } = await opened(dev, "nocorpus");
    await page.locator('button:has-text("Index this folder")').click();
    await soon(() =>
      page.evaluate("window.exbert.host.log.filter((one) => one.what === 'command').map((one) => one.value)"),
    ).toEqual(["indexFolder"]);
    await page.close();
  });
});
