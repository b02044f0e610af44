// The VS Code extension, end to end: real VS Code, real browser, real Python, all-MiniLM-L6-v2 and a corpus of three stories.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { failureScreenshot, screenshot } from "./images.mjs";
import { here, root, startVsCode } from "./vscodeServer.mjs";
import { VsCodeWindow } from "./window.mjs";

const vsix = join(root, "clients/vscode/exbert.vsix");
const python = process.env.EXBERT_PYTHON ?? join(root, ".venv/bin/python");
const CHROMIUM = process.env.EXBERT_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** A model that is loaded for the first time on a busy machine. */
const SLOW = 120_000;

let code;
let browser;
let folders = 0;

before(async () => {
  assert.ok(existsSync(vsix), "build the extension first: npm run package in clients/vscode");
  code = await startVsCode({
    vsix,
    settings: {
      "exbert.interpreter": python,
      "exbert.corpusFolder": "",
      "workbench.startupEditor": "none",
      "workbench.tips.enabled": false,
      "editor.minimap.enabled": false,
      "editor.wordWrap": "on",
      "files.simpleDialog.enable": true,
      "extensions.ignoreRecommendations": true,
      "telemetry.telemetryLevel": "off",
    },
  });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});

after(async () => {
  await browser?.close();
  await code?.stop();
});

/** A copy of the sample workspace with settings and a store of its own. */
function makeWorkspace(settings = {}) {
  const folder = join(code.home, `run-${++folders}`, "sample");
  cpSync(join(here, "workspace"), folder, { recursive: true });
  mkdirSync(join(folder, ".vscode"));
  const all = { "exbert.corpusFolder": join(folder, "..", "corpora"), "workbench.colorTheme": "Default Light Modern", ...settings };
  writeFileSync(join(folder, ".vscode/settings.json"), JSON.stringify(all, null, 2));
  return folder;
}

/** One scenario in a window of its own; a failed one is tried once more from the start. */
function scenario(name, settings, run) {
  test(name, { timeout: 240_000 }, async (t) => {
    for (const isLast of [false, true]) {
      const folder = makeWorkspace(typeof settings === "function" ? settings() : settings);
      const window = await VsCodeWindow.open(browser, code.url(folder));
      try {
        await run(window, folder);
        return;
      } catch (error) {
        await failureScreenshot(window.page, name.replace(/\W+/g, "-"));
        if (isLast) throw error;
        t.diagnostic(`tried again after: ${error.message}`);
      } finally {
        await window.close();
      }
    }
  });
}

async function exploreLine(window, file, line) {
  await window.openFile(file);
  await window.selectLine(line);
  await window.command("exBERT: Explore Selection");
  return window.view();
}

async function attentionIsDrawn(view) {
  await view.locator("canvas.attention-canvas").waitFor({ timeout: SLOW });
  await view.locator(".tokens.left .token", { hasText: "escape" }).waitFor();
}

const tab = (view, name) => view.getByRole("tab", { name });
const token = (view, text) => view.locator(".tokens.left .token", { hasText: text });

async function indexWorkspace(window) {
  await window.command("exBERT: Index Workspace");
  await window.notification(/Corpus “sample”: \d+ documents/).waitFor({ timeout: SLOW });
}

/** Waits until a number of processes of ours run. */
async function untilServers(count) {
  const deadline = Date.now() + 20_000;
  while (code.pythonServers().length !== count) {
    assert.ok(Date.now() < deadline, `${code.pythonServers().length} Python servers run, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

scenario("a missing package is told with a way to install it", { "exbert.interpreter": "/usr/bin/python3" }, async (window) => {
  const view = await exploreLine(window, "notes.md", 3);
  const message = window.notification("is not installed in /usr/bin/python3");
  await message.waitFor();
  for (const button of ["Install", "Open Setting", "Show Log"]) await message.getByRole("button", { name: button }).waitFor();
  await view.getByRole("alert").filter({ hasText: "is not installed" }).first().waitFor();
  await screenshot(window.page, "missing-package");
  await message.getByRole("button", { name: "Open Setting" }).click();
  await window.page.locator(".settings-editor .setting-item-title", { hasText: "Interpreter" }).first().waitFor();
});

scenario("a selection is explored, compared with a corpus, exported, and restored after a reload", {}, async (window, folder) => {
  const view = await exploreLine(window, "notes.md", 3);
  await attentionIsDrawn(view);
  await token(view, "escape").hover();
  await screenshot(window.page, "attention");

  await token(view, "escape").dblclick();
  await view.locator(".mask-bar .chip", { hasText: "escape" }).waitFor();
  await view.locator(".tokens.left .token.masked").waitFor();
  await screenshot(window.page, "mask");
  await view.locator(".mask-bar").getByRole("button", { name: "undo" }).click();
  await view.locator(".tokens.left .token.masked").waitFor({ state: "detached" });

  await tab(view, /Contexts/).click();
  await view.getByRole("button", { name: /Index this folder/ }).waitFor();
  await screenshot(window.page, "no-corpus");
  await indexWorkspace(window);
  await window.clearNotifications();

  await tab(view, /Attention/).click();
  await token(view, "escape").click();
  await tab(view, /Contexts/).click();
  const first = view.locator(".hit").nth(1);
  await first.waitFor({ timeout: SLOW });
  await screenshot(window.page, "contexts");

  const story = view.locator(".hit", { hasText: ".txt:" }).first();
  const source = await story.locator(".source-link").innerText();
  const [, file, line] = /([\w.-]+):(\d+)\s*$/.exec(source);
  await story.locator(".source").click();
  await window.page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
  await window.page.locator("#status\\.editor\\.selection", { hasText: `Ln ${line},` }).waitFor();
  await screenshot(window.page, "hit");

  await tab(view, /Summary/).click();
  const bar = view.locator(".histogram .bar").first();
  await bar.waitFor({ timeout: SLOW });
  await bar.click();
  await tab(view, /Contexts \d+\/\d+/).waitFor();
  await screenshot(window.page, "summary");
  await tab(view, /Contexts/).click();
  await view.locator(".bar-filter .chip").waitFor();
  await screenshot(window.page, "filtered");

  await view.getByRole("button", { name: "Export, copy and restore" }).click();
  await view.getByRole("menuitem", { name: "Save contexts as CSV" }).click();
  const path = window.page.locator(".quick-input-widget:visible input.input");
  await path.waitFor();
  await window.page.locator(".quick-input-widget:visible", { hasText: "contexts.csv" }).or(path).first().waitFor();
  await window.page.keyboard.press("Enter");
  await window.notification("Saved contexts.csv").waitFor();
  assert.match(readFileSync(join(folder, "contexts.csv"), "utf8"), /score/);
  await window.clearNotifications();

  await window.reload();
  await view.locator(".bar-filter .chip").waitFor({ timeout: SLOW });
  await view.locator(".hit").first().waitFor({ timeout: SLOW });
  await tab(view, /Attention/).click();
  await view.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor();
  await screenshot(window.page, "restored");

  await window.command("View: Maximize Editor Group");
  await screenshot(window.page, "wide");
});
