// What a person does again and again: the steps that the scenarios are made of.
import assert from "node:assert/strict";

/** A model that is loaded for the first time on a busy machine. */
export const SLOW = 240_000;

export async function exploreLine(window, file, line) {
  await window.openFile(file);
  await window.selectLine(line);
  await window.command("exBERT: Explore Selection");
  return window.view();
}

export async function attentionIsDrawn(view) {
  await view.locator("canvas.attention-canvas").waitFor({ timeout: SLOW });
  await view.locator(".tokens.left .token", { hasText: "escape" }).waitFor();
}

/** Head 11 of layer 2 of this model looks at the “to” of an infinitive. */
export async function chooseHead(view) {
  await view.getByRole("radio", { name: "2", exact: true }).click();
  await view.getByRole("button", { name: "head 11", exact: true }).dblclick();
  await view.locator(".pane-head", { hasText: "layer 2, head 11" }).waitFor();
}

export const tab = (view, name) => view.getByRole("tab", { name });
export const token = (view, text) => view.locator(".tokens.left .token", { hasText: text });

export async function indexWorkspace(window) {
  await window.command("exBERT: Index Workspace");
  await window.notification(/Corpus “sample”: \d+ documents/).waitFor({ timeout: SLOW });
}

/** What the corpus picker says of the workspace's corpus. */
export async function corpusDetail(window) {
  await window.command("exBERT: Select Corpus");
  const row = window.page.locator(".quick-input-list .monaco-list-row", { hasText: "sample" });
  await row.waitFor({ timeout: SLOW });
  const text = await row.locator(".quick-input-list-label-meta").innerText();
  await window.page.keyboard.press("Escape");
  await row.waitFor({ state: "hidden" });
  return text;
}

/** Waits until something holds; for what the page does not show. */
export async function until(holds, what) {
  const deadline = Date.now() + SLOW;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
