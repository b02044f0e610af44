/** Which of the view's four themes fits JupyterLab's. The colors themselves are mapped in style/theme.css. */
import type { Theme } from "#view";

export function themeOf(name: string | null, isLight: boolean, moreContrast: boolean): Theme {
  const contrast = moreContrast || /high.?contrast/i.test(name ?? "");
  if (contrast) {
    return isLight ? "highContrastLight" : "highContrast";
  }
  return isLight ? "light" : "dark";
}
