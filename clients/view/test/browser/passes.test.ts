/** A person with several passes: another text, a mask, a head that is off, a request that takes long or fails. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, host, opened, soon, token } from "./page";

describe.skipIf(!hasChromium)("a person", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("compares a text before and after a mask, and reads where the attention of a head goes instead", async () => {
    const { page, errors } = await dev.open("masked", { view: { mask: [], pane: "compare" } });
    await page.locator('button:text-is("Pin this text as A")').click();
    await page.locator('button:text-is("Show the tokens")').click();
    await token(page, "left", 9).focus();
    await page.keyboard.press("m");
    await page.waitForSelector(".tokens.left .masked");
    await page.locator('[role="tab"]:text-is("Compare")').click();
    await page.waitForSelector(".difference");
    const widths = await page
      .locator(".difference")
      .evaluateAll((paths) => paths.map((path) => Number.parseFloat(getComputedStyle(path).strokeWidth)));
    expect(Math.max(...widths)).toBeGreaterThan(3);
    expect(await page.locator(".difference.less").first().getAttribute("stroke-dasharray")).toBe("6 4");
    await page.locator(".matrix-cell").first().focus();
    for (let i = 0; i < 9; i++) await page.keyboard.press("ArrowRight");
    await soon(() => page.locator(".matrix-value").textContent()).toMatch(/^state 0, token escape \/ \[MASK\]: cosine/);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("looks at the text without a head, and switches the head on again", async () => {
    const { page } = await dev.open("opposites");
    await soon(() => page.locator(".effect-pane .findings").textContent()).toMatch(/from 0\.647 to 0\.861: \+0\.214/);
    await page.close();
    const { page: other } = await dev.open("gpteffect");
    await other.locator('button:text-is("Look at the text without it")').click();
    await soon(() => other.locator(".frame-note").textContent()).toMatch(/Head 28\.3 gives its mean instead/);
    await other.waitForSelector(".token");
    await other.locator('.frame-note button:text-is("Switch it on again")').click();
    await other.locator(".frame-note").waitFor({ state: "detached" });
    await other.close();
  });

  it("explores another text at its top, wherever the last one was scrolled to", async () => {
    const { page } = await opened(dev, "long128", { width: 420, height: 600 });
    await page.locator(".panes").evaluate((element) => element.scrollTo(0, 400));
    await host(page, `host.selections.fire({ input: { text: "Another text." }, label: "b.md:1" })`);
    await soon(() => page.locator(".input-text").textContent()).toBe("Another text.");
    await soon(() => page.locator(".panes").evaluate((element) => element.scrollTop)).toBe(0);
    await page.close();
  });

  it("sees what is no longer about the text dimmed and labelled, until the new one is read", async () => {
    const { page } = await opened(dev);
    await host(page, `host.delay = 700; host.selections.fire({ input: { text: "Another text." }, label: "" })`);
    await soon(() => page.locator(".frame-note").textContent()).toMatch(/Still shown, dimmed: “The girl ran/);
    const filter = await page.locator(".attention-picture").evaluate((element) => getComputedStyle(element).filter);
    expect(filter).toContain("grayscale");
    await page.locator(".frame-note").waitFor({ state: "detached" });
    expect(await page.locator(".attention-picture").evaluate((element) => getComputedStyle(element).filter)).toBe(
      "none",
    );
    await page.close();
  });

  it("reads what went wrong, and can cancel what takes long", async () => {
    const { page } = await dev.open("loading");
    await page.locator(".attention .busy").waitFor();
    await soon(() => page.locator(".attention .busy").textContent()).toMatch(/reading weights · 40 %/);
    await page.locator('.attention .busy button:text-is("cancel")').click();
    await page.locator(".attention .busy").waitFor({ state: "detached" });
    await page.close();
    const { page: other } = await dev.open("error");
    await soon(() => other.locator('[role="alert"]').first().textContent()).toMatch(
      /812 tokens.*Select less text.*Try again/s,
    );
    await other.close();
  });
});
