/** A Chromium with the dev page, for tests of what only a browser can show. Skipped, loudly, where there is none. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { servePage } from "../../dev/serve.mjs";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) process.stderr.write(`skipped: no Chromium at ${CHROMIUM}; install one, or name it in CHROMIUM\n`);

export interface Opened {
  readonly page: Page;
  /** Errors that the page wrote to its console. */
  readonly errors: string[];
}

/** Everything has arrived: nothing is busy, the thumbnails of all layers are loaded, and the page is stable for a while. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector(".busy") === null &&
      !(document.querySelector(".overview .muted")?.textContent ?? "").includes("layers loaded"),
  );
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        const rest = () => setTimeout(done, 400);
        let timer = rest();
        new MutationObserver(() => {
          clearTimeout(timer);
          timer = rest();
        }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      }),
  );
}

export class DevPage {
  private constructor(
    private readonly browser: Browser,
    private readonly server: { readonly url: string; close(): void },
  ) {}

  static async start(): Promise<DevPage> {
    const server = await servePage();
    return new DevPage(await chromium.launch({ executablePath: CHROMIUM, args: FLAGS }), server);
  }

  async open(
    scenario: string,
    options: { theme?: string; width?: number; height?: number; view?: object } = {},
  ): Promise<Opened> {
    const page = await this.browser.newPage({
      viewport: { width: options.width ?? 1400, height: options.height ?? 850 },
    });
    // a page that makes up a long text is busy for a while
    page.setDefaultTimeout(120_000);
    page.setDefaultNavigationTimeout(120_000);
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    const view = encodeURIComponent(JSON.stringify(options.view ?? {}));
    await page.goto(`${this.server.url}?scenario=${scenario}&theme=${options.theme ?? "light"}&view=${view}`);
    await page.waitForSelector(".exbert");
    return { page, errors };
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}

/** What the view asked its host to do. */
export const log = (page: Page, what: string) =>
  page.evaluate((name) => {
    const { host } = (window as unknown as { exbert: { host: { log: { what: string; value: unknown }[] } } }).exbert;
    return host.log
      .filter((one) => one.what === name)
      .map((one) => JSON.parse(JSON.stringify(one.value)) as Record<string, unknown>);
  }, what);

/** What the page shows, read again and again until it is what is expected. */
export const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 });

export const token = (page: Page, side: "left" | "right", row: number) =>
  page.locator(`.tokens.${side} [data-row="${row}"]`);

/** Changes the dev page's host. */
export const host = (page: Page, change: string) =>
  page.evaluate(`{ const { host } = window.exbert; ${change} }`) as Promise<unknown>;

/** A page of the dev host that shows tokens. */
export async function opened(dev: DevPage, scenario = "escape", options: Parameters<DevPage["open"]>[1] = {}) {
  const { page, errors } = await dev.open(scenario, options);
  await page.waitForSelector(".token");
  return { page, errors };
}
