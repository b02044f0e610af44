// The VS Code extension, end to end: real VS Code, real browser, real Python, all-MiniLM-L6-v2 and a corpus of three stories.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { failureScreenshot, screenshot } from "./images.mjs";
import {
  attentionIsDrawn,
  chooseHead,
  corpusDetail,
  exploreLine,
  indexWorkspace,
  SLOW,
  tab,
  token,
  until,
} from "./steps.mjs";
import { commandLine, here, installedVsCode, root, startVsCode } from "./vscodeServer.mjs";
import { VsCodeWindow } from "./window.mjs";

const vsix = join(root, "clients/vscode/exbert.vsix");
const venv = process.env.EXBERT_PYTHON ?? join(root, ".venv/bin/python");
const CHROMIUM = process.env.EXBERT_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why nothing can be tested here; undefined when everything is installed. */
const missing = [
  [await installedVsCode(), "VS Code: run clients/e2e/install-vscode.sh"],
  [CHROMIUM, "Chromium: apt-get install chromium, or set EXBERT_CHROMIUM"],
  [venv, "Python with exbert-rpc: run make install, or set EXBERT_PYTHON"],
  [vsix, "the extension: npm run package in clients/vscode"],
].find(([path]) => !existsSync(path))?.[1];

let code;
let browser;
let python = venv;
let folders = 0;

before(async () => {
  if (missing !== undefined) return;
  code = await startVsCode({
    vsix,
    paths: (home) => [basePython(home)],
    settings: (home) => {
      python = interpreter(home);
      return {
        "exbert.install.pipOptions": { "no-index": true, "find-links": stubWheel(home) },
        "exbert.interpreter": python,
        "workbench.startupEditor": "none",
        "workbench.tips.enabled": false,
        "editor.minimap.enabled": false,
        "editor.wordWrap": "on",
        "editor.renderWhitespace": "none",
        "editor.lightbulb.enabled": "off",
        "files.simpleDialog.enable": true,
        "remote.autoForwardPorts": false,
        "extensions.ignoreRecommendations": true,
        "telemetry.telemetryLevel": "off",
      };
    },
  });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});

after(async () => {
  // half a minute after the last test, the process ends even if something still keeps it alive
  setTimeout(() => process.exit(process.exitCode ?? 1), 30_000).unref();
  await browser?.close();
  await code?.stop();
});

/** The interpreter if the package is installed in it; else one that reads it from this checkout. */
function interpreter(home) {
  const { status } = spawnSync(venv, ["-c", "import exbert_rpc"], { cwd: home });
  if (status === 0) return venv;
  const wrapper = join(home, "python");
  writeFileSync(wrapper, `#!/bin/sh\nPYTHONPATH='${root}' exec '${venv}' "$@"\n`, { mode: 0o755 });
  return wrapper;
}

/** A folder whose `python3` is the Python that our environment was made with: without any package. */
function basePython(home) {
  const folder = join(home, "bin");
  const base = execFileSync(venv, ["-c", "import sys; print(sys._base_executable)"], { encoding: "utf8" }).trim();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "python3"), `#!/bin/sh\nexec '${base}' "$@"\n`, { mode: 0o755 });
  return folder;
}

/** A folder with a wheel that shows an environment this checkout and the libraries that are installed here. */
function stubWheel(home) {
  const libraries = execFileSync(venv, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], {
    encoding: "utf8",
  });
  const folder = join(home, "wheels");
  const version = JSON.parse(readFileSync(join(root, "clients/vscode/package.json"), "utf8")).version;
  execFileSync(venv, [join(here, "stub_wheel.py"), folder, version, root, libraries.trim()]);
  return folder;
}

/** A copy of the sample workspace with settings and a store of its own. */
function makeWorkspace(settings) {
  const folder = join(code.home, `run-${++folders}`, "sample");
  cpSync(join(here, "workspace"), folder, { recursive: true });
  mkdirSync(join(folder, ".vscode"));
  const all = {
    "exbert.corpusFolder": join(folder, "..", "corpora"),
    "workbench.colorTheme": "Default Light Modern",
    ...settings,
  };
  writeFileSync(join(folder, ".vscode/settings.json"), JSON.stringify(all, null, 2));
  return folder;
}

/** One scenario in a window of its own; a failed one is tried once more from the start. */
function scenario(name, settings, run, { trust = true } = {}) {
  test(name, { timeout: 900_000, skip: missing !== undefined && `missing: ${missing}` }, async (t) => {
    for (const isLast of [false, true]) {
      const folder = makeWorkspace(typeof settings === "function" ? settings() : settings);
      const window = await VsCodeWindow.open(browser, code.url(folder), { trust });
      try {
        await run(window, folder);
        assert.deepEqual(window.violations, [], "the page keeps to its content security policy");
        return;
      } catch (error) {
        await failureScreenshot(window.page, name.replace(/\W+/g, "-"));
        if (isLast) throw error;
        t.diagnostic(`tried again after: ${error.message}`);
      } finally {
        await window.close().catch(() => undefined);
      }
    }
  });
}

/** An interpreter whose server misbehaves in one way. */
function fakeInterpreter(mode) {
  const path = join(code.home, `fake-${mode}`);
  copyFileSync(join(here, "fake_server.py"), `${path}.py`);
  chmodSync(`${path}.py`, 0o755);
  writeFileSync(`${path}.mode`, mode);
  return `${path}.py`;
}

let tinyFolder;

/** A model with a language-model head, made once. */
function tinyModel() {
  if (tinyFolder === undefined) {
    tinyFolder = join(code.home, "tiny-masked-lm");
    execFileSync(python, [join(here, "tiny_model.py"), tinyFolder], { stdio: ["ignore", "ignore", "pipe"] });
  }
  return tinyFolder;
}

const untilServers = (count) => until(() => code.pythonServers().length === count, `${count} Python servers run`);

scenario(
  "a missing package is reported with a way to install it",
  { "exbert.interpreter": "/usr/bin/python3" },
  async (window, folder) => {
    const view = await exploreLine(window, "notes.md", 3);
    const message = window.notification("is not installed in /usr/bin/python3");
    await message.waitFor();
    for (const button of ["Install…", "Select Interpreter", "Show Log"])
      await message.getByRole("button", { name: button }).waitFor();
    await view.getByRole("alert").filter({ hasText: "is not installed" }).first().waitFor();
    await screenshot(window.page, "missing-package");
    await message.getByRole("button", { name: "Select Interpreter" }).click();
    const rows = window.page.locator(".quick-input-list .monaco-list-row");
    await rows
      .filter({ hasText: "from the setting exbert.interpreter" })
      .filter({ hasText: "without exbert-rpc" })
      .waitFor();
    await rows.filter({ hasText: "from the PATH" }).first().waitFor();
    await window.page.keyboard.press("Escape");
    await window.setSetting(folder, "exbert.interpreter", python);
    await attentionIsDrawn(view);
  },
);

scenario(
  "without a Python package, the walkthrough makes an environment, or nothing when it is cancelled, and ends in a picture",
  { "exbert.interpreter": "" },
  async (window) => {
    const { page } = window;
    rmSync(code.environments, { recursive: true, force: true });
    await window.command("Welcome: Open Walkthrough...");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "Look inside a Transformer" }).click();
    const step = (title) => page.locator(".getting-started-step", { hasText: title });
    await step("Install what exBERT needs").waitFor();
    const install = step("Install what exBERT needs").getByRole("button", { name: "Install", exact: true });
    if (!(await install.isVisible())) await step("Install what exBERT needs").click();

    const question = page.locator(".monaco-dialog-box", { hasText: "Install what exBERT needs?" });
    const begin = async () => {
      await install.click();
      await question
        .filter({ hasText: /To download: about \d+ MB/ })
        .filter({ hasText: "No other Python" })
        .waitFor();
    };
    const make = question.getByRole("button", { name: "Make an Environment" });
    await begin();
    await screenshot(page, "install");
    await make.click();
    const progress = window.notification("Installing exBERT");
    await progress.filter({ hasText: "making the environment" }).waitFor();
    await progress.getByRole("button", { name: "Cancel" }).click();
    await window.notification("Installing was cancelled. Nothing was kept.").waitFor();
    assert.deepEqual(readdirSync(code.environments), []);
    await window.clearNotifications();

    await begin();
    await make.click();
    await progress.waitFor();
    await window.notification("exBERT is installed.").waitFor({ timeout: SLOW });
    await window.clearNotifications();
    await screenshot(page, "walkthrough");
    const example = step("See a sentence as a Transformer does");
    const button = example.getByRole("button", { name: "Try an example" });
    if (!(await button.isVisible())) await example.click();
    await button.click();
    const view = window.view();
    await attentionIsDrawn(view);
    await screenshot(page, "example");
    const [server] = code.pythonServers();
    assert.ok(commandLine(server).startsWith(code.environments), "the server runs in the new environment");

    await window.command("exBERT: Select Python Interpreter");
    const rows = page.locator(".quick-input-list .monaco-list-row");
    await rows.filter({ hasText: "made by exBERT, in use" }).filter({ hasText: "exbert-rpc 0." }).waitFor();
    await rows.filter({ hasText: "from the PATH" }).filter({ hasText: "without exbert-rpc" }).first().waitFor();
    await screenshot(page, "interpreters");
    await page.keyboard.press("Escape");
  },
);

scenario(
  "a selection is explored, compared with a corpus, exported, and restored after a reload",
  {},
  async (window, folder) => {
    const view = await exploreLine(window, "notes.md", 3);
    await attentionIsDrawn(view);
    await chooseHead(view);
    await token(view, "escape").hover();
    await screenshot(window.page, "attention", { pointer: true });

    await token(view, "escape").dblclick();
    await view.locator(".mask-bar .chip", { hasText: "escape" }).waitFor();
    await view.locator(".tokens.left .token.masked").waitFor();
    await screenshot(window.page, "mask");
    await view.locator(".mask-bar").getByRole("button", { name: "undo" }).click();
    await view.locator(".tokens.left .token.masked").waitFor({ state: "detached" });

    await tab(view, /Contexts/).click();
    await view.getByRole("button", { name: /Index this folder/ }).waitFor();
    await screenshot(window.page, "no-corpus");
    await view.getByRole("button", { name: /Index this folder/ }).click();
    const question = window.page.locator(".monaco-dialog-box", { hasText: "3 files of text" });
    await question.filter({ hasText: "1 file of notebook" }).waitFor();
    await screenshot(window.page, "index");
    await question.getByRole("button", { name: "Index", exact: true }).click();
    await window.notification(/Corpus “sample”: \d+ documents/).waitFor({ timeout: SLOW });
    await window.clearNotifications();

    await tab(view, /Attention/).click();
    await token(view, "escape").click();
    await tab(view, /Contexts/).click();
    await view.locator(".hit").nth(1).waitFor({ timeout: SLOW });
    await view.getByRole("button", { name: "show it" }).click();
    assert.match(
      await view.locator(".hit").first().locator(".score").innerText(),
      /^(1\.000|0\.99\d)$/,
      "the sentence finds itself first",
    );
    await screenshot(window.page, "contexts");

    const story = view.locator(".hit", { hasText: ".txt:" }).first();
    const [, file, line] = /([\w.-]+):(\d+)\s*$/.exec(await story.locator(".source-link").textContent());
    await story.locator(".source").click();
    await window.page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
    await window.page.locator("#status\\.editor\\.selection", { hasText: `Ln ${line},` }).waitFor();
    await screenshot(window.page, "hit");

    await tab(view, /Summary/).click();
    await view.locator(".findings", { hasText: "VERB" }).waitFor({ timeout: SLOW });
    await view.locator(".histogram .bar").first().click();
    await tab(view, /Contexts \d+\/\d+/).waitFor();
    await screenshot(window.page, "summary");
    await tab(view, /Contexts/).click();
    await view.locator(".bar-filter .chip").waitFor();
    await screenshot(window.page, "filtered");

    await view.getByRole("button", { name: "Export, copy and restore" }).click();
    await screenshot(window.page, "menu");
    await view.getByRole("menuitem", { name: "Save contexts as CSV" }).click();
    await window.page.locator(".quick-input-widget:visible input.input").waitFor();
    await window.page.keyboard.press("Enter");
    await window.notification("Saved contexts.csv").waitFor();
    assert.match(readFileSync(join(folder, "contexts.csv"), "utf8").split("\n")[0], /score/);
    await window.clearNotifications();

    await window.reload();
    await view.locator(".bar-filter .chip").waitFor({ timeout: SLOW });
    await view.locator(".hit").first().waitFor({ timeout: SLOW });
    await tab(view, /Attention/).click();
    await view.locator(".tokens.left .token.pinned", { hasText: "escape" }).waitFor();
    await view.locator(".pane-head", { hasText: "layer 2, head 11" }).waitFor();
    await screenshot(window.page, "restored");

    await window.page.setViewportSize({ width: 1440, height: 900 });
    await window.command("View: Maximize Editor Group");
    await view.locator(".exbert.is-wide").waitFor();
    await screenshot(window.page, "wide");
    await window.setSetting(folder, "workbench.colorTheme", "Default Dark Modern");
    await view.locator('.exbert[data-theme="dark"]').waitFor();
    await screenshot(window.page, "dark");
    await window.setSetting(folder, "workbench.colorTheme", "Default High Contrast");
    await view.locator('.exbert[data-theme="highContrast"]').waitFor();
    await screenshot(window.page, "high-contrast");
    await window.setSetting(folder, "workbench.colorTheme", "Default High Contrast Light");
    await view.locator('.exbert[data-theme="highContrastLight"]').waitFor();
  },
);

scenario(
  "predictions change when a token is masked",
  () => ({ "exbert.model": tinyModel() }),
  async (window) => {
    await window.page.setViewportSize({ width: 1280, height: 1100 });
    const view = await exploreLine(window, "notes.md", 3);
    await attentionIsDrawn(view);
    await token(view, "escape").click();
    const predictions = view.locator(".predictions .prediction");
    await predictions.first().waitFor();
    const before = await predictions.allInnerTexts();
    assert.match(before[0], /^escape/, "the token itself is expected where it stands");
    await token(view, "escape").dblclick();
    const masked = view.locator(".tokens.left .token.masked");
    await masked.waitFor({ timeout: SLOW });
    await masked.hover();
    await view.locator(".inspector", { hasText: "was “escape”" }).waitFor();
    await predictions.first().waitFor();
    assert.notDeepEqual(await predictions.allInnerTexts(), before);
    await screenshot(window.page, "predictions", { pointer: true });
  },
);

scenario(
  "an autoregressive model shows what it cannot see yet, and what it expects next",
  { "exbert.model": "SmolLM2-135M" },
  async (window, folder) => {
    writeFileSync(
      join(folder, "capitals.md"),
      "Paris is the capital of France. Berlin is the capital of Germany. Rome is the capital of Italy.\n",
    );
    await window.page.setViewportSize({ width: 1280, height: 960 });
    const view = await exploreLine(window, "capitals.md", 1);
    await view.locator("canvas.attention-canvas").waitFor({ timeout: SLOW });
    // this head looks for what came after the same word before: an induction head
    await view.getByLabel("layer", { exact: true }).selectOption("17");
    await view.getByRole("button", { name: "head 5", exact: true }).dblclick();
    await view.locator(".pane-head", { hasText: "layer 17, head 5" }).waitFor({ timeout: SLOW });
    await view.locator('.tokens.left .token[data-row="11"]', { hasText: "of" }).click();
    await view.locator('.tokens.left .token.next[data-row="12"]', { hasText: "Germany" }).waitFor();
    assert.equal(await view.locator(".tokens.left .token.later").count(), 8);
    assert.match(await view.locator(".partners .partner").first().innerText(), /^France/);
    assert.match(await view.locator(".predictions .prediction").first().innerText(), /Germany/);
    await screenshot(window.page, "autoregressive");
  },
);

scenario("indexing is cancelled and the corpus stays as it was", {}, async (window, folder) => {
  await window.openFile("notes.md");
  await indexWorkspace(window);
  await window.clearNotifications();
  const first = await corpusDetail(window);
  await window.setSetting(folder, "exbert.index.onSave", true);
  await window.openFile("market.txt");
  await window.page.keyboard.type("The market opens. ");
  await window.page.locator(".view-line", { hasText: /The.market.opens/ }).waitFor();
  await window.page.keyboard.press("Control+s");
  await until(async () => (await corpusDetail(window)) !== first, "a saved file is indexed again");
  await window.setSetting(folder, "exbert.index.onSave", false);
  const before = await corpusDetail(window);
  execFileSync(python, [
    "-c",
    "import sys; from pydoc_data.topics import topics; open(sys.argv[1], 'w').write('\\n\\n'.join(topics.values()))",
    join(folder, "topics.txt"),
  ]);
  await window.command("exBERT: Index Workspace");
  const progress = window.notification("indexing “sample”");
  await progress.filter({ hasText: /[1-9][\d,]* [a-z]/ }).waitFor({ timeout: SLOW });
  await screenshot(window.page, "indexing");
  await progress.getByRole("button", { name: "Cancel" }).click();
  await window.notification("Indexing was cancelled").waitFor();
  await window.clearNotifications();
  assert.equal(await corpusDetail(window), before);
});

scenario(
  "a server that is killed in mid-request is restarted, three times at most, and the view says so",
  {},
  async (window) => {
    const view = await exploreLine(window, "notes.md", 3);
    await attentionIsDrawn(view);
    await untilServers(1);
    const [first] = code.pythonServers();
    process.kill(first, "SIGSTOP");
    await exploreLine(window, "notes.md", 5);
    await view.locator(".busy").first().waitFor();
    process.kill(first, "SIGKILL");
    await view.locator(".banner.restarted").waitFor({ timeout: SLOW });
    await token(view, "window").waitFor({ timeout: SLOW });
    await screenshot(window.page, "restarted");
    await untilServers(1);
    for (const crash of [2, 3]) {
      process.kill(code.pythonServers()[0], "SIGKILL");
      await view.locator(".banner.starting").waitFor({ timeout: SLOW });
      await view.locator(".banner.restarted").waitFor({ timeout: SLOW });
      await untilServers(1);
      assert.equal(code.pythonServers().length, 1, `one server runs after crash ${crash}`);
    }
    process.kill(code.pythonServers()[0], "SIGKILL");
    await view
      .locator(".banner.crashed", { hasText: "crashed 4 times within 3 minutes. Automatic restart is off." })
      .waitFor({ timeout: SLOW });
    await screenshot(window.page, "crashed");
    await view.locator(".banner.crashed").getByRole("button", { name: "Restart" }).click();
    await view.locator(".banner").waitFor({ state: "detached", timeout: SLOW });
    await untilServers(1);
    const [hung] = code.pythonServers();
    process.kill(hung, "SIGSTOP");
    await window.command("exBERT: Restart Server");
    await until(
      () => code.pythonServers().length === 1 && code.pythonServers()[0] !== hung,
      "the hung server is replaced",
    );
  },
);

scenario(
  "a server of another protocol is reported in words",
  () => ({ "exbert.interpreter": fakeInterpreter("old") }),
  async (window) => {
    const view = await exploreLine(window, "notes.md", 3);
    await window.notification("The server speaks protocol 0.9, this extension").waitFor();
    await view.getByRole("alert").filter({ hasText: "protocol 0.9" }).first().waitFor();
    await untilServers(0);
  },
);

scenario(
  "a server's errors and its silence are both reported",
  () => ({ "exbert.interpreter": fakeInterpreter("failing"), "exbert.limits.timeout": 5 }),
  async (window, folder) => {
    const view = await exploreLine(window, "notes.md", 3);
    await view.locator(".failed", { hasText: "This model cannot be read." }).first().waitFor();
    await window.setSetting(folder, "exbert.interpreter", fakeInterpreter("silent"));
    await view.locator(".failed", { hasText: "No answer for 5 s" }).first().waitFor();
  },
);

scenario("notebook cells, unsaved edits and a moving selection are explored", {}, async (window, folder) => {
  const { keyboard } = window.page;
  const view = await exploreLine(window, "notes.md", 5);
  await token(view, "window").waitFor({ timeout: SLOW });
  await window.setSetting(folder, "exbert.followSelection", true);
  await window.focusEditor();
  await window.goToLine(7);
  await keyboard.type("Unsaved penguins.");
  await window.page.locator(".view-line", { hasText: /Unsaved.penguins\./ }).waitFor();
  await keyboard.press("Shift+Home");
  await window.page.locator("#status\\.editor\\.selection", { hasText: "(17 selected)" }).waitFor();
  await view.locator(".input-text", { hasText: "Unsaved penguins." }).waitFor();
  await token(view, "penguins").waitFor();
  await window.setSetting(folder, "exbert.followSelection", false);

  await window.openNotebook("cells.ipynb");
  await window.selectCell(3);
  await window.command("exBERT: Explore Selection");
  await view.locator(".input-label", { hasText: "cells.ipynb, cell 3" }).waitFor();
  await token(view, "strike").waitFor();
  await screenshot(window.page, "notebook");

  await indexWorkspace(window);
  await window.clearNotifications();
  await token(view, "strike").click();
  await tab(view, /Contexts/).click();
  // the query's own sentence is left out at first
  await view.getByRole("button", { name: "show it" }).click({ timeout: SLOW });
  const itself = view.locator(".hit", { hasText: "cells.ipynb" }).first();
  await itself.waitFor({ timeout: SLOW });
  await itself.locator(".source").click();
  await window.page.locator(".statusbar-item", { hasText: "Cell 3 of 3" }).waitFor();
  await window.page
    .locator(".notebookOverlay .cell-editor-container .view-line", { hasText: /refused.to.strike/ })
    .waitFor();
});

scenario("a saved notebook shows results as tables, and a sentence in place of a view", {}, async (window, folder) => {
  const notebook = join(folder, "saved.ipynb");
  execFileSync(python, [join(here, "saved_notebook.py"), notebook, tinyModel(), join(folder, "../corpora")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await window.openNotebook("saved.ipynb");
  // the outputs of a notebook are in a page of their own
  const outputs = window.page
    .frameLocator('iframe.webview.ready[src*="purpose=notebookRenderer"]')
    .frameLocator("iframe#active-frame");
  await outputs.locator(".exbert-result td", { hasText: "pub" }).first().waitFor();
  await outputs.locator("p", { hasText: "needs a running kernel" }).first().waitFor();
  await screenshot(window.page, "saved-notebook");
});

scenario(
  "text and view stay side by side, messages wait for a hidden view, and hits are found where they are now",
  () => ({ "exbert.model": tinyModel() }),
  async (window) => {
    const { page } = window;
    const view = await exploreLine(window, "notes.md", 3);
    await attentionIsDrawn(view);

    // a text that is opened while the view has the focus stands beside it
    await window.focusView();
    await window.quickOpen("market.txt");
    assert.ok(await token(view, "escape").isVisible(), "the view is still in front");

    // what is explored while the view is behind another tab is what it shows when it is in front again
    await window.focusView();
    await window.command("View: Unlock Editor Group");
    await window.quickOpen("harbour.txt");
    await page.locator('iframe.webview[src*="extensionId=exbert-rpc.exbert"]').waitFor({ state: "hidden" });
    await window.focusEditor();
    await exploreLine(window, "notes.md", 5);
    await token(view, "window").waitFor({ timeout: SLOW });

    // the model that was picked in the view is the one that indexes; names are kept apart
    await indexWorkspace(window);
    await window.clearNotifications();
    await view.getByLabel("Model", { exact: true }).selectOption("all-MiniLM-L6-v2");
    await view.locator(".pane-head", { hasText: "layer" }).first().waitFor({ timeout: SLOW });
    await token(view, "window").click();
    await tab(view, /Contexts/).click();
    await view.getByRole("button", { name: "Use tiny-masked-lm" }).waitFor({ timeout: SLOW });
    await screenshot(page, "other-model");
    await view.getByRole("button", { name: "Index this with all-MiniLM-L6-v2" }).click();
    await window.notification(/Corpus “sample-all-minilm-l6-v2”: \d+ documents/).waitFor({ timeout: SLOW });
    await window.clearNotifications();

    // a hit is found again where its sentence stands now, and marked as soon as its text changes
    const hit = view.locator(".hit", { hasText: ".txt:" }).first();
    await hit.waitFor({ timeout: SLOW });
    const [, file, line] = /([\w.-]+):(\d+)\s*$/.exec(await hit.locator(".source-link").textContent());
    const same = view.locator(".hit", { hasText: `${file}:${line}` }).first();
    await same.locator(".source").click();
    await page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
    const place = page.locator("#status\\.editor\\.selection");
    await place.filter({ hasText: `Ln ${line},` }).waitFor();
    const [, selected] = /\((\d+) selected\)/.exec(await place.innerText());
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("A line. ");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await same.locator(".stale").waitFor();
    await same.locator(".source").click();
    await place.filter({ hasText: new RegExp(`Ln ${Number(line) + 2}, .*\\(${selected} selected\\)`) }).waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("Nothing of it is left.");
    await same.locator(".source").click();
    const gone = window.notification(`The sentence is no longer in ${file}.`);
    await gone.getByRole("button", { name: "Index Again" }).waitFor();
    await window.clearNotifications();

    // the text itself is colored, once the person wants it
    const colors = page.locator(".view-overlays .cdr[class*='ced-']");
    await window.focusEditor();
    await window.openFile("notes.md");
    assert.equal(await colors.count(), 0, "off by default");
    await window.command("exBERT: Color the Text by Attention");
    await colors.first().waitFor();
    await screenshot(page, "colored-text");
    await window.command("exBERT: Color the Text by Attention");
    await colors.first().waitFor({ state: "detached" });
  },
);

scenario(
  "an untrusted workspace does not choose the interpreter",
  { "exbert.interpreter": "/nowhere/python" },
  async (window) => {
    const view = await exploreLine(window, "notes.md", 3);
    await attentionIsDrawn(view);
    await window.command("exBERT: Copy Debug Info");
    await window.notification("debug information was copied").waitFor();
    const info = JSON.parse(await window.page.evaluate("navigator.clipboard.readText()"));
    assert.equal(info.trusted, false);
    assert.equal(info.interpreter.source, "setting");
    assert.equal(info.server.protocolVersion, info.protocol);
    assert.doesNotMatch(JSON.stringify(info), /The girl ran/, "no text of the person");

    // that no scenario sees a violation of the page's policy says something only if one would be seen
    assert.deepEqual(window.violations, []);
    await view.locator("body").evaluate((body) => body.insertAdjacentHTML("beforeend", '<p style="color: red"></p>'));
    await until(() => window.violations.length > 0, "a violation of the policy is seen");
    window.violations.length = 0;
  },
  { trust: false },
);
