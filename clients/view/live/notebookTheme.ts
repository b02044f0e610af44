/** The theme of the notebook around a cell: JupyterLab's, VS Code's, Colab's or marimo's; else the system's. */
import { SystemTheme } from "../page/browser";
import type { Disposable, Theme } from "../src/host";

export class NotebookTheme {
  private readonly system = new SystemTheme();

  get theme(): Theme {
    return themeOf(document) ?? this.system.theme;
  }

  onChange(callback: (theme: Theme) => void): Disposable {
    const observer = new MutationObserver(() => callback(this.theme));
    for (const element of [document.documentElement, document.body]) observer.observe(element, { attributes: true });
    const system = this.system.onChange(() => callback(this.theme));
    return {
      dispose: () => {
        observer.disconnect();
        system.dispose();
      },
    };
  }
}

/** What the page says of its theme; null when it says nothing. */
export function themeOf({ body, documentElement }: Pick<Document, "body" | "documentElement">): Theme | null {
  const { jpThemeLight, jpThemeName, vscodeThemeKind } = body.dataset;
  if (jpThemeLight !== undefined) {
    const light = jpThemeLight === "true";
    if (/high.?contrast/i.test(jpThemeName ?? "")) return light ? "highContrastLight" : "highContrast";
    return light ? "light" : "dark";
  }
  const ofVsCode: Readonly<Record<string, Theme>> = {
    "vscode-light": "light",
    "vscode-dark": "dark",
    "vscode-high-contrast": "highContrast",
    "vscode-high-contrast-light": "highContrastLight",
  };
  if (vscodeThemeKind !== undefined) return ofVsCode[vscodeThemeKind] ?? null;
  const said = documentElement.getAttribute("theme") ?? documentElement.dataset.theme;
  if (said === "dark" || body.classList.contains("dark")) return "dark";
  return said === "light" ? "light" : null;
}
