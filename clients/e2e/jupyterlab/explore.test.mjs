// The JupyterLab extension, end to end: the wheel as installed, real JupyterLab, real browser, real server, all-MiniLM-L6-v2.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inked, useView } from "../interactions.mjs";
import { screenshot } from "./images.mjs";
import { PYTHON, REPOSITORY } from "./lab.mjs";
import { attentionIsDrawn, chooseHead, folders, indexTopics, SLOW, scenario, tab, token } from "./scenario.mjs";

scenario(
  "a selection is explored, compared with a corpus, exported, and restored after a reload",
  async (open, lab) => {
    const window = await open("notes.md");
    const { page, panel } = window;
    await window.selectLine("The girl ran");
    await page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(panel);
    assert.ok((await inked(panel)) > 0.005, "no curve was drawn");
    const place = await panel.boundingBox();
    const editor = await page.locator(".jp-FileEditor").boundingBox();
    assert.ok(place.x >= editor.x + editor.width, "the panel does not lie beside the document");
    await chooseHead(panel, 2, 11);
    await token(panel, "escape").hover();
    await screenshot(page, "attention", { keepMouse: true });

    await token(panel, "escape").dblclick();
    await panel.locator(".tokens.left .token.masked").waitFor({ timeout: SLOW });
    await screenshot(page, "mask");
    await panel.locator(".mask-bar").getByRole("button", { name: "undo" }).click();
    await panel.locator(".tokens.left .token.masked").waitFor({ state: "detached" });

    await tab(panel, /Contexts/).click();
    await panel
      .getByText("No corpus yet")
      .or(panel.getByRole("button", { name: /Index this folder/ }))
      .first()
      .waitFor();
    await screenshot(page, "no-corpus");
    await indexTopics(window);
    await window.notification("Corpus “topics”: 12 documents").waitFor({ timeout: SLOW });
    await screenshot(page, "indexed");
    await window.clearNotifications();
    await window.hideSideBar();

    await tab(panel, /Attention/).click();
    await token(panel, "escape").click();
    await tab(panel, /Contexts/).click();
    await panel.locator(".hit").first().waitFor({ timeout: SLOW });
    await screenshot(page, "contexts");

    const hit = panel.locator(".hit", { hasText: ".txt:" }).first();
    const [, file, line] = /([\w.-]+):(\d+)\s*$/.exec(await hit.locator(".source-link").textContent());
    await hit.locator(".source-link").click();
    await page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current", { hasText: file }).waitFor();
    await page.locator("#jp-main-statusbar", { hasText: `Ln ${line},` }).waitFor();
    await screenshot(page, "hit");

    await tab(panel, /Summary/).click();
    const bar = panel.locator(".histogram .bar").first();
    await bar.waitFor({ timeout: SLOW });
    await screenshot(page, "summary");
    await bar.click();
    await tab(panel, /Contexts \d+\/\d+/).waitFor();
    await tab(panel, /Contexts/).click();
    await panel.locator(".bar-filter .chip").waitFor();
    await screenshot(page, "filtered");

    await panel.getByRole("button", { name: "Export, copy and restore" }).click();
    const download = page.waitForEvent("download");
    await panel.getByRole("menuitem", { name: "Save contexts as CSV" }).click();
    const saved = await download;
    assert.equal(saved.suggestedFilename(), "contexts.csv");
    assert.match(readFileSync(await saved.path(), "utf8"), /score/);

    const { pid } = await lab.status();
    await page.waitForTimeout(1500); // the layout is kept a second after its last change
    await window.reload();
    await panel.locator(".bar-filter .chip").waitFor({ timeout: SLOW });
    await panel.locator(".hit").first().waitFor({ timeout: SLOW });
    assert.equal((await lab.status()).pid, pid, "the reload ended the server");
    await tab(panel, /Attention/).click();
    await panel.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor();
    await screenshot(page, "restored");

    for (const [theme, name] of [
      ["JupyterLab Dark", "dark"],
      ["JupyterLab Dark High Contrast", "high-contrast"],
    ]) {
      await window.command(`Theme: ${theme}`).catch(() => window.command(theme));
      const kind = name === "dark" ? "dark" : "highContrast";
      await page.locator(`.exbert-panel[data-theme="${kind}"] .exbert[data-theme="${kind}"]`).waitFor();
      await screenshot(page, name);
    }

    // a hit is found again where its sentence stands now, and marked as soon as its text changes
    await tab(panel, /Contexts/).click();
    const moving = panel.locator(".hit", { hasText: `${file}:${line}` }).first();
    await moving.locator(".source-link").click();
    await page.locator("#jp-main-statusbar", { hasText: `Ln ${line},` }).waitFor();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("A line.");
    await page.keyboard.press("Enter");
    await moving.locator(".stale").waitFor();
    await moving.locator(".source-link").click();
    await page.locator("#jp-main-statusbar", { hasText: `Ln ${Number(line) + 1},` }).waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("Nothing of it is left.");
    await moving.locator(".source-link").click();
    await window.notification("The sentence is no longer in").getByText("Index again").waitFor();

    // the text itself is colored, once the person wants it
    const colored = page.locator(".cm-line .exbert-color-7");
    await page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", { hasText: "notes.md" }).click();
    await window.editorLine("The girl ran").waitFor();
    assert.equal(await colored.count(), 0, "off by default");
    await window.command("Color the Text");
    await colored.first().waitFor();
    await screenshot(page, "colored-text");
    await window.command("Color the Text");
    await colored.first().waitFor({ state: "detached" });
  },
);

scenario(
  "menus, cells, rendered Markdown, two selections and the followed one lead to the same panel",
  async (open) => {
    const window = await open("tour.ipynb");
    const { page, panel } = window;
    await page.locator(".jp-Notebook .jp-CodeCell .cm-content").waitFor();
    const rendered = page.locator(".jp-MarkdownCell .jp-RenderedMarkdown p", { hasText: "The captain wanted" });
    await window.dragOver(rendered);
    await window.contextMenu(rendered, "Explore Selection");
    await attentionIsDrawn(panel, "strait");
    await panel.locator(".input-label", { hasText: "tour.ipynb, cell 1" }).waitFor();
    await screenshot(page, "rendered-markdown");

    await page.locator(".jp-CodeCell .cm-line", { hasText: "sentence =" }).click();
    await window.contextMenu(page.locator(".jp-CodeCell .cm-line", { hasText: "sentence =" }), "Explore Selection");
    await attentionIsDrawn(panel, "crew");
    await panel.locator(".input-label", { hasText: "tour.ipynb, cell 2" }).waitFor();

    await window.selectWords(page.locator(".jp-CodeCell .cm-content"), ["crew", "captain"]);
    await page.keyboard.press("Control+Alt+e");
    await panel.locator(".input-text", { hasText: /^crew \+ captain$/ }).waitFor();
    await panel.locator(".input-label", { hasText: "tour.ipynb, cell 2:1 + 1" }).waitFor();
    await panel.getByRole("radiogroup", { name: "Segments" }).waitFor({ timeout: SLOW });
    await attentionIsDrawn(panel, "crew");
    await attentionIsDrawn(panel, "captain");

    await window.command("Follow the Selection");
    const third = page.locator(".jp-MarkdownCell .jp-RenderedMarkdown p", { hasText: "gulls" });
    await window.dragOver(third);
    await attentionIsDrawn(panel, "railing");
    await screenshot(page, "cell");
  },
);

scenario(
  "two tabs have their own sessions, and both outlive a server that is killed in mid-request",
  async (open, lab) => {
    const one = await open("notes.md", "one");
    const two = await open("tour.ipynb", "two");
    await one.selectLine("The girl ran");
    await one.page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(one.panel);
    await two.page.locator(".jp-CodeCell .cm-line", { hasText: "sentence =" }).click();
    await two.page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(two.panel, "crew");
    assert.equal(await token(one.panel, "crew").count(), 0);
    const { pid } = await lab.status();

    await indexTopics(one);
    await one.notification("Indexing topics").waitFor();
    process.kill(pid, "SIGKILL");
    await one.notification("Indexing topics failed: the server was ended by signal 9").waitFor();
    for (const window of [one, two]) {
      await window.panel
        .locator(".banner", { hasText: /restarted|back|started again/ })
        .first()
        .waitFor({ timeout: SLOW });
    }
    await screenshot(one.page, "crash");
    await attentionIsDrawn(one.panel);
    await attentionIsDrawn(two.panel, "crew");
    await one.selectLine("She wanted");
    await one.page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(one.panel, "door");
    assert.notEqual((await lab.status()).pid, pid);
  },
  { topics: 79 },
);

scenario(
  "indexing is cancelled, which leaves no corpus behind",
  async (open) => {
    const window = await open("notes.md");
    await indexTopics(window);
    const progress = window.notification("Indexing topics");
    await progress.getByText(/Indexing topics: .*\d/).waitFor({ timeout: SLOW });
    await screenshot(window.page, "indexing");
    await progress.getByRole("button", { name: "Cancel" }).click();
    await window.notification("Indexing topics was cancelled").waitFor();
    await window.command("Select Corpus");
    await window.notification("There is no corpus yet").waitFor();
  },
  { topics: 79 },
);

/** A tiny masked language model. */
function tinyModel(folder) {
  const model = join(folder, "tiny-masked-lm");
  execFileSync(PYTHON, [join(REPOSITORY, "clients/e2e/vscode/tiny_model.py"), model], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return ["--model", model, "--root", model].map((value) => `--ExbertApp.arguments=${value}`);
}

scenario(
  "predictions change when a token is masked, and a link shows the same to somebody else",
  async (open) => {
    const window = await open("notes.md", "one");
    const { page, panel } = window;
    await window.selectLine("The girl ran");
    await page.keyboard.press("Control+Alt+e");
    await attentionIsDrawn(panel);
    await token(panel, "escape").click();
    const predictions = panel.locator(".predictions .prediction");
    await predictions.first().waitFor({ timeout: SLOW });
    const before = await predictions.allInnerTexts();
    await token(panel, "pub").dblclick();
    await panel.locator(".tokens.left .token.masked").waitFor({ timeout: SLOW });
    await token(panel, "escape").hover();
    await predictions.first().waitFor();
    assert.notDeepEqual(await predictions.allInnerTexts(), before);
    await panel.locator(".tokens.left .token.masked").hover();
    await panel.locator(".inspector", { hasText: "was “pub”" }).waitFor();
    await screenshot(page, "predictions", { keepMouse: true });

    await panel.getByRole("button", { name: "Export, copy and restore" }).click();
    await panel.getByRole("menuitem", { name: /Copy link/ }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /^http:.*\/lab\?exbert=[\w-]+$/);
    const other = await open("notes.md", "two");
    await other.page.goto(link);
    await other.ready();
    await other.panel.locator(".tokens.left .token.masked").waitFor({ timeout: SLOW });
    await other.panel.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor();
    assert.ok(!other.page.url().includes("exbert="), "the link's state stays in the address");
  },
  { options: tinyModel },
);

/** An interpreter without our package: Debian's, or one that looks for packages nowhere. */
function bareInterpreter(folder) {
  const system = spawnSync("/usr/bin/python3", ["-P", "-c", "import exbert_rpc"], {
    cwd: folder,
    encoding: "utf8",
    env: {},
  });
  if (system.stderr?.includes("No module named 'exbert_rpc'"))
    return ["--ExbertApp.python=/usr/bin/python3", "--ExbertApp.environment=PYTHONPATH="];
  const script = join(folder, "bare-python");
  writeFileSync(script, `#!/bin/sh\nexec "${PYTHON}" -I -S "$@"\n`);
  chmodSync(script, 0o755);
  return [`--ExbertApp.python=${script}`];
}

scenario(
  "a missing package is reported with the way to install it",
  async (open) => {
    const window = await open("notes.md");
    await window.selectLine("The girl ran");
    await window.page.keyboard.press("Control+Alt+e");
    await window.panel.getByText("exbert-rpc is not installed").first().waitFor();
    await window.panel.getByText("pip install exbert-rpc").first().waitFor();
    await window.page.locator(".exbert-status", { hasText: "not installed" }).waitFor();
    await screenshot(window.page, "missing-package");
  },
  { options: bareInterpreter },
);

/** A notebook with these cells. */
function notebookOf(sources) {
  const cells = sources.map((source, i) => ({
    ...{ cell_type: "code", id: `cell-${i}`, metadata: {}, outputs: [], execution_count: null },
    source,
  }));
  const kernelspec = { name: "python3", display_name: "Python 3", language: "python" };
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells });
}

/** Runs a cell of the notebook on show, and waits until the kernel has done it. */
async function runCell(window, index) {
  const cell = window.page.locator(".jp-Notebook .jp-CodeCell").nth(index);
  await cell.locator(".cm-content").click();
  await window.page.keyboard.press("Control+Enter");
  await cell.locator(".jp-InputPrompt", { hasText: /\[\d+\]/ }).waitFor({ timeout: SLOW });
  return cell;
}

scenario(
  "a cell's output is the view, of a model of one's own, too, and results leave a picture",
  async (open, lab) => {
    const [model, store] = ['"../tiny-masked-lm"', 'store="../corpora"'];
    writeFileSync(
      join(lab.root, "widget.ipynb"),
      notebookOf([
        `import exbert_rpc.notebook as exbert\nlocal = exbert.local(model=${model}, ${store})\nlocal.index_corpus("notes", ["notes.md", "topics/assert.txt", "topics/async.txt"]).tokens`,
        `exbert.view("The girl ran to a local pub to escape the din.", corpus="notes", ${store})`,
        `from transformers import AutoModelForMaskedLM, AutoTokenizer\nmine = AutoModelForMaskedLM.from_pretrained(${model})\nexbert.view("She ran to a park.", model=mine, tokenizer=AutoTokenizer.from_pretrained(${model}), ${store})`,
        `local.attend(text="The girl ran to a local pub.")`,
      ]),
    );
    const window = await open("widget.ipynb");
    const { page } = window;
    await page.locator("#jp-main-statusbar", { hasText: "Idle" }).waitFor({ timeout: SLOW });
    await runCell(window, 0);
    const { ink, source } = await useView(await runCell(window, 1), { word: "escape", layer: 1 });
    assert.ok(ink > 0.005, "no curve was drawn");
    assert.match(source, /\.(txt|md):\d+$/);
    const place = page.locator(".exbert-cell-place");
    await place.locator("code", { hasText: lab.root }).waitFor();
    await place.getByRole("button", { name: "Close" }).click();
    await screenshot(page, "cell");

    const own = await runCell(window, 2);
    await attentionIsDrawn(own, "park");
    assert.match(await own.locator("select").first().inputValue(), /^BertForMaskedLM@[0-9a-f]{8}$/);
    const result = await runCell(window, 3);
    await result.locator(".exbert-result td", { hasText: "pub" }).first().waitFor({ timeout: SLOW });
    await screenshot(page, "cell-result");

    await page.locator(".jp-Notebook .jp-CodeCell .cm-content").first().click();
    await page.keyboard.press("Control+s");
    const path = join(lab.root, "widget.ipynb");
    const deadline = Date.now() + SLOW;
    while (!readFileSync(path, "utf8").includes("application/vnd.jupyter.widget-view+json")) {
      assert.ok(Date.now() < deadline, "the notebook was not saved");
      await page.waitForTimeout(200);
    }
    assert.ok(statSync(path).size < 60_000, `the notebook has ${statSync(path).size} bytes`);
  },
  {
    options: (folder) => {
      tinyModel(folder);
      return [];
    },
  },
);

test("nothing is left running or lying about", async () => {
  const ours = () =>
    execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => folders.some((folder) => line.includes(folder)));
  const deadline = Date.now() + SLOW;
  while (ours().length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(ours(), []);
});
