// A window of JupyterLab, driven as a person would: keys, the palette, menus, what is on the screen.
import { TOKEN } from "./lab.mjs";

const LONG = 180_000;

export class LabWindow {
  constructor(page, lab) {
    this.page = page;
    this.lab = lab;
    this.errors = [];
    page.on("pageerror", (error) => {
      if (!this.isKnown(error)) this.errors.push(String(error));
    });
  }

  /** Opens JupyterLab at a document; `workspace` keeps windows apart, as browser profiles do. */
  static async open(browser, lab, path, workspace = "default") {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      permissions: ["clipboard-read", "clipboard-write"],
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    const window = new this(page, lab);
    await page.goto(`${lab.origin}${window.place(path, workspace)}?token=${TOKEN}`);
    await window.ready();
    return window;
  }

  /** Whether it is an error of the host, with our extension and without. */
  isKnown(_error) {
    return false;
  }

  place(path, workspace) {
    return `/lab/workspaces/${workspace}/tree/${path}`;
  }

  async close() {
    await this.page.context().close();
  }

  async ready() {
    await this.page.locator("#jp-main-statusbar .exbert-status").waitFor({ timeout: LONG });
    await this.page.locator("#jupyterlab-splash").waitFor({ state: "detached", timeout: LONG });
  }

  get panel() {
    return this.page.locator(".exbert-panel");
  }

  async hideSideBar() {
    const files = this.page.locator("#filebrowser");
    await files.waitFor();
    await this.page.keyboard.press("Control+b");
    await files.waitFor({ state: "hidden" });
  }

  /** Runs a command of the palette by its label. */
  async command(label) {
    await this.page.keyboard.press("Control+Shift+c");
    const palette = this.page.locator("#modal-command-palette");
    await palette.locator("input").fill(label);
    await palette.locator(".lm-CommandPalette-itemLabel", { hasText: label }).first().click();
    await palette.waitFor({ state: "hidden" });
  }

  editorLine(text) {
    return this.page.locator(".jp-FileEditor:visible .cm-line", { hasText: text }).first();
  }

  /** Puts the cursor into a line of the visible file editor and selects all of the line. */
  async selectLine(text) {
    await this.editorLine(text).click();
    await this.page.keyboard.press("Home");
    await this.page.keyboard.press("Shift+End");
  }

  /** Selects words of an editor by double clicks, all but the first of them with Ctrl, which adds to what is selected. */
  async selectWords(editor, words) {
    for (const [i, word] of words.entries()) {
      const { x, y } = await editor.evaluate((node, wanted) => {
        const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
          const at = texts.currentNode.data.indexOf(wanted);
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(texts.currentNode, at);
          range.setEnd(texts.currentNode, at + wanted.length);
          const box = range.getBoundingClientRect();
          return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
        }
        throw new Error(`${wanted} is not in sight`);
      }, word);
      if (i > 0) await this.page.keyboard.down("Control");
      await this.page.mouse.dblclick(x, y);
      if (i > 0) await this.page.keyboard.up("Control");
    }
  }

  /** Drags over a rendered text, as the mouse does. */
  async dragOver(locator) {
    const box = await locator.boundingBox();
    const y = box.y + box.height / 2;
    await this.page.mouse.move(box.x + 1, y);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + Math.min(box.width, 600) - 2, y, { steps: 6 });
    await this.page.mouse.up();
  }

  /** Right click, then an entry of JupyterLab's context menu. */
  async contextMenu(locator, entry) {
    await locator.click({ button: "right" });
    const item = this.page.locator(".lm-Menu:visible .lm-Menu-itemLabel", { hasText: entry });
    await item.waitFor();
    await item.click();
  }

  /** A notification's toast with this text. */
  notification(text) {
    return this.page.locator(".Toastify__toast", { hasText: text });
  }

  async clearNotifications() {
    for (const close of await this.page
      .locator(".Toastify__toast .jp-toast-buttonBar button, .Toastify__close-button")
      .all()) {
      await close.click({ timeout: 2000 }).catch(() => undefined);
    }
  }

  async dialog(accept) {
    const dialog = this.page.locator(".jp-Dialog");
    await dialog.waitFor();
    return { dialog, accept: () => dialog.locator("button.jp-mod-accept", accept ? { hasText: accept } : {}).click() };
  }

  async reload() {
    await this.page.reload();
    await this.ready();
  }
}

/** A page of Jupyter Notebook 7: one document, and side bars. */
export class NotebookWindow extends LabWindow {
  /** Notebook 7.6.5 throws this once a page while it loads its settings, with our extension disabled, too. */
  isKnown({ message, stack }) {
    return /reading 'schema'/.test(message) && stack.includes("/static/notebook/notebook_core");
  }

  place(path) {
    return `/${path.endsWith(".ipynb") ? "notebooks" : "edit"}/${path}`;
  }

  async ready() {
    await this.page.locator(".jp-Notebook .jp-Cell, .jp-FileEditor .cm-line").first().waitFor({ timeout: LONG });
    await this.page.locator(".jp-NotebookSpinner, .jp-Spinner").first().waitFor({ state: "hidden", timeout: LONG });
  }
}
