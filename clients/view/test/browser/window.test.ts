/** `exbert-rpc view` as a person uses it: the real command, the built page, Chromium. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useView } from "../../../e2e/interactions.mjs";
import { CHROMIUM, FLAGS, hasChromium } from "./page";

const REPOSITORY = fileURLToPath(new URL("../../../..", import.meta.url));
const PYTHON = process.env.PYTHON ?? join(REPOSITORY, ".venv", "bin", "python");
const SLOW = 240_000;
const hasPython = existsSync(PYTHON);
if (!hasPython) process.stderr.write(`skipped: no Python at ${PYTHON}; run make install, or name one in PYTHON\n`);

const TEXT = "The girl ran to a local pub to escape the din of her city.";

const python = (...args: string[]) =>
  execFileSync(PYTHON, args, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });

/** A corpus of two files, read by a tiny random model. */
function prepare(folder: string): string[] {
  const notes = join(folder, "notes");
  mkdirSync(notes);
  writeFileSync(join(notes, "pub.txt"), `It rained.\n${TEXT} She didn't know why.\n`);
  writeFileSync(join(notes, "fox.txt"), "The quick brown fox jumps over the lazy dog while the cat sleeps.\n");
  const model = join(folder, "tiny");
  const make = "import sys, pathlib; from tests.model import zoo; zoo.make_model('bert', pathlib.Path(sys.argv[1]))";
  python("-c", make, model);
  const store = ["--store", join(folder, "store")];
  python("-m", "exbert_rpc", "index", "notes", notes, "--model", model, ...store);
  return store;
}

/** Starts the command; resolves with what it prints first, the page's address. */
async function startView(args: string[]): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(PYTHON, ["-m", "exbert_rpc", "view", "--no-open", ...args], {
    cwd: REPOSITORY,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (data) => {
    said += String(data);
  });
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve(String(data).trim()));
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
  return { child, address };
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null ? child.exitCode : new Promise((resolve) => child.once("exit", resolve));

describe.skipIf(!hasChromium || !hasPython)("exbert-rpc view", () => {
  const folder = mkdtempSync(join(tmpdir(), "exbert-view-"));
  const children: ChildProcess[] = [];
  const errors: string[] = [];
  let store: string[];
  let browser: Browser;

  beforeAll(async () => {
    store = prepare(folder);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  }, SLOW);

  afterAll(async () => {
    await browser?.close();
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (...args: string[]) => {
    const started = await startView([...args, ...store]);
    children.push(started.child);
    return started;
  };

  const open = async (address: string): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: 1400, height: 850 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && message.text().includes("Content Security")) errors.push(message.text());
    });
    page.setDefaultTimeout(60_000);
    await page.goto(address);
    return page;
  };

  it(
    "opens at what the command names, shows contexts, links and state work, and ends after its page",
    async () => {
      const { child, address } = await start(TEXT, "--corpus", "notes", "--token", "din", "--idle", "15");
      const page = await open(address);
      await page.locator(".tokens.left .token.pinned", { hasText: "din" }).waitFor({ timeout: SLOW });
      expect(page.url()).not.toContain("token");
      const { ink, source } = await useView(page, { word: "din", layer: 1 });
      expect(ink).toBeGreaterThan(0.005);
      expect(source).toMatch(/(pub|fox)\.txt:\d$/);
      const place = page.locator("#place");
      expect(await place.locator("code").innerText()).toMatch(/^\/.*\/notes\/(pub|fox)\.txt:\d$/);
      await place.getByRole("button", { name: "Copy" }).click();
      await place.getByText("copied").waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await place.locator("code").innerText());

      await page.waitForTimeout(400); // what is on show is kept a moment after its last change
      await page.reload();
      await page.locator(".tokens.left .token.pinned", { hasText: "din" }).waitFor({ timeout: SLOW });
      await page.locator(".pane-head", { hasText: "layer 1" }).first().waitFor();

      await page.getByRole("button", { name: "Export, copy and restore" }).click();
      await page.getByRole("menuitem", { name: "Copy link" }).click();
      await page.getByText("Link copied").waitFor();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#exbert=[\w-]+$/);
      const other = await page.context().newPage();
      await other.goto(link);
      await other.locator(".tokens.left .token.pinned", { hasText: "din" }).waitFor({ timeout: SLOW });

      await page.context().close();
      expect(await ended(child)).toBe(0);
      expect(errors).toEqual([]);
    },
    SLOW,
  );

  it(
    "says that the server has ended, and lets nobody in without the token",
    async () => {
      const { child, address } = await start();
      const page = await open(address);
      await page.getByRole("button", { name: "type a text" }).click();
      await page.getByLabel("Text to explore").fill("The lazy dog sleeps.");
      await page.keyboard.press("Enter");
      await page.locator(".input-text", { hasText: "The lazy dog sleeps." }).waitFor();
      const stranger = await open(address.replace(/#.*/, ""));
      await stranger.locator(".banner", { hasText: "Run exbert-rpc view again" }).waitFor();
      child.kill("SIGINT");
      await page.locator(".banner", { hasText: "The server of this page has ended." }).waitFor();
      expect(await ended(child)).toBe(0);
      expect(errors).toEqual([]);
    },
    SLOW,
  );
});
