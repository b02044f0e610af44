// What a scenario is made of: a Jupyter of its own, windows, and the steps that a person does again and again.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { keepFailure } from "./images.mjs";
import { PYTHON, REPOSITORY, startLab } from "./lab.mjs";
import { LabWindow, NotebookWindow } from "./window.mjs";

const CHROMIUM = process.env.EXBERT_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A model that is loaded for the first time on a busy machine. */
export const SLOW = 240_000;

let browser;
/** Of all JupyterLabs that this run started. */
export const folders = [];

before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});

after(async () => {
  // half a minute after the last test, the process ends even if something still keeps it alive
  setTimeout(() => process.exit(process.exitCode ?? 1), 30_000).unref();
  await browser?.close();
});

/** One scenario in a JupyterLab of its own; a failed one is tried once more from the start. */
export function scenario(name, run, { topics = 12, options = () => [], app = "jupyterlab" } = {}) {
  test(name, { timeout: 900_000 }, async (t) => {
    for (const isLast of process.env.NO_RETRY === "1" ? [true] : [false, true]) {
      const folder = mkdtempSync(join(tmpdir(), "exbert-lab-"));
      folders.push(folder);
      execFileSync(PYTHON, [
        join(REPOSITORY, "clients/jupyterlab/sample/lay_out.py"),
        join(folder, "root"),
        String(topics),
      ]);
      const arguments_ = ["--store", join(folder, "corpora")].map((value) => `--ExbertApp.arguments=${value}`);
      arguments_.push(`--ExbertApp.start_timeout=${SLOW / 1000}`);
      const windows = [];
      let lab;
      try {
        lab = await startLab(folder, [...arguments_, ...options(folder)], app);
        const open = async (path, workspace) => {
          windows.push(await (app === "notebook" ? NotebookWindow : LabWindow).open(browser, lab, path, workspace));
          return windows.at(-1);
        };
        await run(open, lab);
        assert.deepEqual(
          windows.flatMap((window) => window.errors),
          [],
          "the page threw errors",
        );
        return;
      } catch (error) {
        await keepFailure(name.replace(/\W+/g, "-"), windows, lab);
        if (isLast) throw error;
        t.diagnostic(`tried again after: ${error.message}`);
      } finally {
        for (const window of windows) await window.close().catch(() => undefined);
        await lab?.stop();
        rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
    }
  });
}

export const tab = (view, name) => view.getByRole("tab", { name });
export const token = (view, text) => view.locator(".tokens.left .token", { hasText: text });

export async function attentionIsDrawn(view, word = "escape") {
  await token(view, word).first().waitFor({ timeout: SLOW });
  await view.locator("canvas").first().waitFor();
}

/** Shows one head of one layer. */
export async function chooseHead(view, layer, head) {
  await view
    .getByRole("radiogroup", { name: /layer/i })
    .getByRole("radio", { name: String(layer), exact: true })
    .click();
  await view.getByRole("button", { name: `head ${head}`, exact: true }).dblclick();
  await view.locator('.head[aria-pressed="false"]').nth(10).waitFor();
}

export async function indexTopics(window) {
  await window.contextMenu(window.page.locator(".jp-DirListing-item", { hasText: "topics" }), "exBERT: Index…");
  const { dialog, accept } = await window.dialog();
  await dialog.getByText(/^\d+ files of text/).waitFor();
  await accept();
}
