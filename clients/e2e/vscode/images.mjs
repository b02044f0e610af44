// Screenshots: into docs/images/ when UPDATE_IMAGES=1, else into test-results/. Written with a palette: 256 colors are enough for a window.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./vscodeServer.mjs";

const UPNG = createRequire(import.meta.url)("upng-js");
const folder = process.env.UPDATE_IMAGES === "1" ? join(root, "docs/images") : join(root, "test-results/vscode");

/** `pointer` keeps the mouse where it is, for what shows under it. */
export async function screenshot(page, name, { pointer = false } = {}) {
  if (!pointer) await page.mouse.move(300, 8);
  mkdirSync(folder, { recursive: true });
  const png = await page.screenshot({ animations: "disabled", caret: "hide" });
  const picture = UPNG.decode(png);
  const small = Buffer.from(UPNG.encode(UPNG.toRGBA8(picture), picture.width, picture.height, 256));
  writeFileSync(join(folder, `vscode-${name}.png`), small.length < png.length ? small : png);
}

/** What a scenario that fails saw last; never among the documents. */
export async function failureScreenshot(page, name) {
  const results = join(root, "test-results/vscode");
  mkdirSync(results, { recursive: true });
  await page.screenshot({ path: join(results, `failed-${name}.png`) }).catch(() => undefined);
}
