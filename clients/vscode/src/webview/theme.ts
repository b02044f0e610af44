/** The editor's theme, as VS Code writes it on the body of a webview. */
import type { Theme } from "../../../view/src/host";

export function themeOf(body: { readonly classList: { contains(name: string): boolean } }): Theme {
  const has = (name: string): boolean => body.classList.contains(name);
  if (has("vscode-high-contrast-light")) return "highContrastLight";
  if (has("vscode-high-contrast")) return "highContrast";
  return has("vscode-light") ? "light" : "dark";
}

export function onThemeChange(callback: (theme: Theme) => void): { dispose(): void } {
  const observer = new MutationObserver(() => callback(themeOf(document.body)));
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
  return { dispose: () => observer.disconnect() };
}
