// Takes the pictures of the view that the guide shows, from recorded answers of real models: node dev/images.mjs [DIRECTORY]
import { join } from "node:path";
import { chromium } from "playwright-core";
import { servePage } from "./serve.mjs";

const [directory = "../../docs/images"] = process.argv.slice(2);
const PICTURES = [
  ["heads", "smollm", { headQuery: "induction", chosenHead: { layer: 18, head: 6 } }, 1280, 796],
  ["effect", "opposites", {}, 1280, 600],
  ["compare", "maskrecorded", {}, 1280, 760],
];

const { url, close } = await servePage();
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
for (const [name, scenario, view, width, height] of PICTURES) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.goto(`${url}?scenario=${scenario}&theme=light&view=${encodeURIComponent(JSON.stringify(view))}`);
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(directory, `view-${name}.png`), animations: "disabled", caret: "hide" });
  await page.close();
}
await browser.close();
close();
