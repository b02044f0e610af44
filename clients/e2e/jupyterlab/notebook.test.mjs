// The same extension in Jupyter Notebook 7: one document a page, the panel in the right side bar.
import assert from "node:assert/strict";
import { useView } from "../interactions.mjs";
import { screenshot } from "./images.mjs";
import { attentionIsDrawn, SLOW, scenario, tab, token } from "./scenario.mjs";

scenario(
  "in Jupyter Notebook, a cell is explored beside the document, compared with a corpus, and a context opens its document",
  async (open) => {
    const window = await open("tour.ipynb");
    const { page, panel } = window;
    await page.locator(".jp-CodeCell .cm-line", { hasText: "sentence =" }).click();
    await page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(panel, "crew");
    await panel.locator(".input-label", { hasText: "tour.ipynb, cell 2" }).waitFor();
    const beside = await panel.boundingBox();
    const document = await page.locator(".jp-Notebook").boundingBox();
    assert.ok(beside.x >= document.x + document.width, "the panel does not lie beside the document");
    const { width } = page.viewportSize();
    assert.ok(beside.width >= 0.4 * width, `the panel is ${beside.width} pixels wide`);
    assert.ok(beside.x + beside.width <= width + 1, "the panel reaches out of the window");
    await screenshot(page, "notebook7");

    await window.command("Index All Files");
    const question = await window.dialog();
    await question.accept();
    await window.notification(/Corpus “.*”: \d+ documents/).waitFor({ timeout: SLOW });
    const { ink } = await useView(panel, { word: "crew", layer: 2 });
    assert.ok(ink > 0.005, "no curve was drawn");
    // a context of another document opens in a tab of the browser; where to look there is said here
    await tab(panel, /Contexts/).click();
    const hit = panel.locator(".hit", { hasText: ".txt:" }).first();
    const [, file, line] = /([\w.-]+):(\d+)\s*$/.exec(await hit.locator(".source-link").textContent());
    const opened = page.context().waitForEvent("page");
    await hit.locator(".source-link").click();
    await window.notification(`${file} opens in another tab: line ${line}.`).waitFor();
    assert.match((await opened).url(), new RegExp(`/edit/.*${file}`));
    await (await opened).close();
  },
  { app: "notebook" },
);

scenario(
  "in Jupyter Notebook, a text file is explored, and the panel has kept what it showed when it is opened again",
  async (open) => {
    const window = await open("notes.md");
    const { page, panel } = window;
    await window.selectLine("The girl ran");
    await page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(panel);
    await token(panel, "escape").click();
    await panel.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor();
    await page.waitForTimeout(1500); // the state is kept a moment after its last change
    await window.reload();
    await window.command("Open Panel");
    await panel.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor({ timeout: SLOW });
  },
  { app: "notebook" },
);
