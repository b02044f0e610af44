import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, settled } from "./page";

/** What the view asked its host to do. */
const log = (page: Page, what: string) =>
  page.evaluate((name) => {
    const { host } = (window as unknown as { exbert: { host: { log: { what: string; value: unknown }[] } } }).exbert;
    return host.log
      .filter((one) => one.what === name)
      .map((one) => JSON.parse(JSON.stringify(one.value)) as Record<string, unknown>);
  }, what);

/** What the page shows, read again and again until it is what is expected. */
const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 });

const token = (page: Page, side: "left" | "right", row: number) => page.locator(`.tokens.${side} [data-row="${row}"]`);

/** Changes the dev page's host. */
const host = (page: Page, change: string) =>
  page.evaluate(`{ const { host } = window.exbert; ${change} }`) as Promise<unknown>;

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

describe.skipIf(!hasChromium)("a person", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  async function opened(scenario = "escape", options: Parameters<DevPage["open"]>[1] = {}) {
    const { page, errors } = await dev.open(scenario, options);
    await page.waitForSelector(".token");
    return { page, errors };
  }

  it("pins by a click, unpins by another, and masks by a double click that leaves the pin alone", async () => {
    const { page } = await opened();
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
    const { page } = await opened("masked", { view: { mask: [], pinned: null } });
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
    const { page } = await opened("allheads");
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

  it("opens a context at its line by click and by Enter", async () => {
    const { page } = await opened();
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
    const { page } = await opened();
    await page.locator(".hit").first().focus();
    await page.keyboard.press("ArrowRight");
    await soon(() => page.locator(".tip").textContent()).toMatch(/^improve.*POS VERB/);
    await page.keyboard.press("ArrowLeft");
    await soon(() => page.locator(".tip").textContent()).toMatch(/^to.*PART.*attention from the match 0\.\d+/);
    await page.close();
  });

  it("searches for pairs with the same relation, with the keyboard alone, and sees both ends of each", async () => {
    const { page, errors } = await opened("synthetic");
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
    const { page } = await opened();
    await page.locator('.bar:has-text("ADV")').first().click();
    await soon(() => page.locator(".bar-filter").textContent()).toMatch(/POS = ADV.*2 of 50 contexts/s);
    await soon(() => page.locator(".hit").count()).toBe(2);
    await page.locator(".bar-filter .chip").click();
    await soon(() => page.locator(".hit").count()).toBeGreaterThan(5);
    await page.close();
  });

  it("sees every match whole, and all of them at one place", async () => {
    const { page } = await opened("escape", { height: 1600 });
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
    const { page } = await opened("escape", { width: 420, height: 900, view: { pane: "attention" } });
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

  it("saves pictures and tables, and copies a link that restores the view", async () => {
    const { page } = await opened();
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

  it("sees summary and contexts at once in a window of 1280 × 800, and folds the summary for more of them", async () => {
    const { page } = await opened("escape", { width: 1232, height: 708 });
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

  it("reads what must be known of the weights beside them, and of a search beside its contexts", async () => {
    const { page } = await opened("sinks");
    await soon(() => page.locator(".attention-picture ~ .note").first().textContent()).toBe(
      "Rows of attention sum to less than 1: this model has attention sinks, which take the rest and are no tokens.",
    );
    await soon(() => page.locator(".corpus .note").textContent()).toMatch(/some of the nearest may be missing\.$/);
    await page.close();
  });

  it("adds and removes annotation columns, and chooses what they and the shading show", async () => {
    const { page } = await opened();
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
      const { page } = await opened("escape", { theme });
      await soon(() => page.locator(".around").textContent()).toBe(`${word}: more attention from the match`);
      await page.close();
    }
  });

  it("without a corpus is offered to index the folder", async () => {
    const { page } = await opened("nocorpus");
    await page.locator('button:has-text("Index this folder")').click();
    await soon(() =>
      page.evaluate("window.exbert.host.log.filter((one) => one.what === 'command').map((one) => one.value)"),
    ).toEqual(["indexFolder"]);
    await page.close();
  });

  it("moves along the thumbnails and shows one head of another layer", async () => {
    const { page, errors } = await opened("allheads");
    await page.locator('[data-at="0:0"]').focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"]) await page.keyboard.press(key);
    await soon(() => page.locator("#exbert-attention + .muted").textContent()).toMatch(/layer 3, head 1 /);
    expect(errors).toEqual([]);
    await page.close();
  });

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
    const { page } = await opened("long128", { width: 420, height: 600 });
    await page.locator(".panes").evaluate((element) => element.scrollTo(0, 400));
    await host(page, `host.selections.fire({ input: { text: "Another text." }, label: "b.md:1" })`);
    await soon(() => page.locator(".input-text").textContent()).toBe("Another text.");
    await soon(() => page.locator(".panes").evaluate((element) => element.scrollTop)).toBe(0);
    await page.close();
  });

  it("sees what is no longer about the text dimmed and labelled, until the new one is read", async () => {
    const { page } = await opened();
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

  it("reads the number behind a cell of a matrix under the pointer, and that of a token by keyboard", async () => {
    const { page } = await opened("allheads");
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

  it("still sees the picture at 200 % of a small window, and all of a panel of 220 pixels", async () => {
    const { page } = await opened("escape", { width: 640, height: 400, view: { pane: "attention" } });
    await settled(page);
    const top = (await page.locator(".attention-picture").boundingBox())?.y ?? 1000;
    expect(top).toBeLessThan(200);
    await page.close();
    const { page: thin } = await opened("escape", { width: 220, height: 700, view: { pane: "attention" } });
    const sideways = await thin.evaluate("document.querySelector('.exbert').scrollWidth <= 220");
    expect(sideways).toBe(true);
    await thin.close();
  });
});
