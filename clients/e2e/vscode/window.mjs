// A window of VS Code, driven as a person would: keys, the palette, what is on the screen.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LONG = 240_000;

export class VsCodeWindow {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    /** What a content security policy with a nonce, as our page has one, refused. */
    this.violations = [];
    page.on("console", (message) => {
      const text = message.text();
      if (/violates the following Content Security Policy/i.test(text) && /vscode-resource|nonce-/.test(text))
        this.violations.push(text);
    });
  }

  static async open(browser, url, { trust = true } = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 880 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    const window = new VsCodeWindow(page, url);
    await page.goto(url);
    await window.ready();
    await window.answerTrust(trust ? "Yes, I trust the authors" : "No, I don't trust the authors");
    await window.hideSideBar();
    return window;
  }

  async close() {
    await this.page.context().close();
  }

  /** The workbench is up, the folder is trusted, and the side bar is out of the way. */
  async ready() {
    await this.page.locator(".monaco-workbench .explorer-viewlet .monaco-list-row").first().waitFor({ timeout: LONG });
  }

  /** Answers the question for trust, which a new browser profile is always asked. */
  async answerTrust(answer) {
    const button = this.page.locator(".monaco-dialog-box .monaco-button", { hasText: answer });
    await button.click({ timeout: LONG });
    await button.waitFor({ state: "detached" });
  }

  async hideSideBar() {
    await this.page.keyboard.press("Control+b");
    await this.page.locator(".explorer-viewlet").waitFor({ state: "hidden" });
  }

  /** Fills the quick input that a key opens, and accepts the row with a text; again where it was closed meanwhile. */
  async quickInput(key, value, row, done) {
    for (let left = 2; ; left--) {
      const timeout = left > 0 ? 15_000 : undefined;
      await this.page.keyboard.press(key);
      try {
        await this.page.locator(".quick-input-widget:visible input.input").fill(value, { timeout });
        await this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: row }).waitFor({ timeout });
        await this.page.keyboard.press("Enter");
        await done?.(timeout);
        return;
      } catch (error) {
        if (left === 0) throw error;
        await this.page.keyboard.press("Escape");
      }
    }
  }

  /** Runs a command of the palette by its title. */
  async command(title) {
    await this.quickInput("F1", `>${title}`, title);
  }

  /** Gives the group of the view the focus, by its key: the second group's command is not in the palette. */
  async focusView() {
    await this.page.keyboard.press("Control+2");
    await this.page.locator(".editor-group-container.active .tab", { hasText: "exBERT" }).waitFor();
  }

  /** Opens a file of the workspace by its name, with any editor. */
  async quickOpen(name) {
    const tab = this.page.locator(`.tab.active[data-resource-name="${name}"]`);
    await this.quickInput("Control+p", name, name, (timeout) => tab.waitFor({ timeout }));
  }

  /** Opens a text and waits for its lines. */
  async openFile(name) {
    await this.quickOpen(name);
    await this.page.locator(".monaco-editor .view-line").first().waitFor();
  }

  async goToLine(line, column = 1) {
    await this.page.keyboard.press("Control+g");
    const input = this.page.locator(".quick-input-widget:visible input.input");
    await input.waitFor();
    await input.fill(`:${line},${column}`);
    await this.page.keyboard.press("Enter");
    await this.page.locator("#status\\.editor\\.selection", { hasText: `Ln ${line}, Col ${column}` }).waitFor();
  }

  /** Selects a whole line of the active editor. */
  async selectLine(line) {
    await this.goToLine(line);
    await this.page.keyboard.press("Shift+End");
    await this.page.locator("#status\\.editor\\.selection", { hasText: "selected" }).waitFor();
  }

  /** The page inside the exBERT webview. */
  view() {
    return this.page
      .frameLocator('iframe.webview.ready[src*="extensionId=exbert-rpc.exbert"]')
      .frameLocator("iframe#active-frame");
  }

  async focusEditor() {
    await this.command("View: Focus First Editor Group");
  }

  /** Opens a notebook and waits for its cells. */
  async openNotebook(name) {
    await this.quickOpen(name);
    await this.page.locator(".statusbar-item", { hasText: /^Cell 1 of/ }).waitFor();
  }

  /** Selects a cell of the notebook that has the focus, counted from 1. */
  async selectCell(number) {
    for (let at = 1; at < number; at++) await this.page.keyboard.press("ArrowDown");
    await this.page.locator(".statusbar-item", { hasText: `Cell ${number} of` }).waitFor();
  }

  /** Changes a setting of the workspace as its file; VS Code notices. */
  async setSetting(folder, key, value) {
    const file = join(folder, ".vscode/settings.json");
    const settings = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...settings, [key]: value }, null, 2));
  }

  notification(text) {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text });
  }

  async clearNotifications() {
    await this.command("Notifications: Clear All Notifications");
  }

  async reload() {
    const navigated = this.page.waitForEvent("domcontentloaded", { timeout: LONG });
    await this.command("Developer: Reload Window");
    await navigated;
    await this.page.locator(".monaco-workbench .editor-group-container").first().waitFor({ timeout: LONG });
  }
}
