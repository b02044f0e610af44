// Takes a picture of each scenario for a person to look at: node dev/screenshots.mjs DIRECTORY [scenario:theme:size ...]
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { servePage } from "./serve.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SIZES = { wide: [1400, 850], panel: [616, 744], editor: [1232, 708], narrow: [420, 900] };
const [directory = "screenshots", ...wanted] = process.argv.slice(2);
const shots =
  wanted.length > 0
    ? wanted
    : ["escape:light:wide", "escape:dark:wide", "escape:highContrast:wide", "escape:light:narrow"];

await mkdir(directory, { recursive: true });
const { url, close } = await servePage();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
for (const shot of shots) {
  const [scenario, theme, size, pane = ""] = shot.split(":");
  const [width, height] = SIZES[size];
  const page = await browser.newPage({ viewport: { width, height } });
  page.on("console", (message) => message.type() === "error" && process.stderr.write(`${shot}: ${message.text()}\n`));
  page.on("pageerror", (error) => process.stderr.write(`${shot}: ${error.stack}\n`));
  const view = pane === "" ? "{}" : JSON.stringify({ pane });
  await page.goto(`${url}?scenario=${scenario}&theme=${theme}&view=${encodeURIComponent(view)}`);
  await page.waitForTimeout(900);
  await page.screenshot({ path: join(directory, `${shot.replaceAll(":", "-")}.png`) });
  await page.close();
}
await browser.close();
close();
