// Screenshots: into docs/images/ when UPDATE_IMAGES=1, else into test-results/. A palette of 256 colors keeps them small.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { REPOSITORY } from "./lab.mjs";

const UPNG = createRequire(import.meta.url)("upng-js");
const RESULTS = join(REPOSITORY, "test-results", "jupyterlab");
const FOLDER = process.env.UPDATE_IMAGES === "1" ? join(REPOSITORY, "docs", "images") : RESULTS;

/** What the window shows now, as `jupyterlab-<name>.png`. */
export async function screenshot(page, name, { keepMouse = false } = {}) {
  mkdirSync(FOLDER, { recursive: true });
  if (!keepMouse) await page.mouse.move(2, 2);
  const png = await page.screenshot({ animations: "disabled", caret: "hide" });
  const picture = UPNG.decode(png);
  const small = Buffer.from(UPNG.encode(UPNG.toRGBA8(picture), picture.width, picture.height, 256));
  writeFileSync(join(FOLDER, `jupyterlab-${name}.png`), small.length < png.length ? small : png);
}

/** What a scenario that fails saw last, and what the server said; never among the documents. */
export async function keepFailure(name, windows, lab) {
  mkdirSync(RESULTS, { recursive: true });
  for (const [place, { page }] of windows.entries()) {
    await page.screenshot({ path: join(RESULTS, `failed-${name}-${place}.png`) }).catch(() => undefined);
  }
  const log = await lab?.log().catch(() => undefined);
  if (log !== undefined) writeFileSync(join(RESULTS, `failed-${name}.log`), log);
}
