import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Binding {
  readonly command: string;
  readonly keys: string;
}

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const vscode = read("../package.json");
const lab = read("../../jupyterlab/schema/plugin.json");

/** The keys that hold on Windows, as each editor writes them. */
const onWindows: readonly Binding[] = [
  ...vscode.contributes.keybindings.map((one: { command: string; key: string; win?: string }) => ({
    command: one.command,
    keys: one.win ?? one.key,
  })),
  ...lab["jupyter.lab.shortcuts"].map((one: { command: string; keys: string[]; winKeys?: string[] }) => ({
    command: one.command,
    keys: (one.winKeys ?? one.keys).join(" ").replace("Accel", "Ctrl"),
  })),
];

describe("key bindings on Windows", () => {
  it.each(onWindows.map(({ command, keys }) => [keys, command]))(
    "%s (%s) type no character: Ctrl+Alt is AltGr, and AltGr+E is €",
    (keys) => {
      const pressed = keys.toLowerCase().split(/[+ ]/);
      const isAltGr = pressed.includes("ctrl") && pressed.includes("alt");
      expect(isAltGr && /^.$/.test(pressed[pressed.length - 1] ?? "")).toBe(false);
    },
  );

  it("are the same in both editors", () => {
    const ofExplore = onWindows.filter(({ command }) => /explore/.test(command)).map(({ keys }) => keys.toLowerCase());
    expect(ofExplore.map((keys) => keys.replaceAll(" ", "+"))).toEqual([ofExplore[0], ofExplore[0]]);
  });
});

describe("commands", () => {
  it("carry the name exBERT wherever they are listed", () => {
    for (const { category } of vscode.contributes.commands) expect(category).toBe("exBERT");
  });

  it("stand in menus of that name where VS Code leaves the category out", () => {
    const { menus, submenus } = vscode.contributes;
    const direct = ["editor/context", "explorer/context", "notebook/cell/title"].flatMap((name) => menus[name]);
    const named = submenus
      .filter(({ label }: { label: string }) => label === "exBERT")
      .map(({ id }: { id: string }) => id);
    expect(direct).toHaveLength(3);
    for (const { submenu } of direct) expect(named).toContain(submenu);
  });
});
