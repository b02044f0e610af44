/** What every page in a browser does alike: the system's theme, and saving a file. */
import type { Disposable, SavedFile, Theme } from "../src/host";

const DARK = "(prefers-color-scheme: dark)";
const CONTRAST = "(forced-colors: active), (prefers-contrast: more)";

/** The theme that a person chose for the whole system. */
export class SystemTheme {
  private readonly queries = [matchMedia(DARK), matchMedia(CONTRAST)];

  get theme(): Theme {
    const [dark, contrast] = this.queries.map(({ matches }) => matches);
    if (contrast) return dark ? "highContrast" : "highContrastLight";
    return dark ? "dark" : "light";
  }

  onChange(callback: (theme: Theme) => void): Disposable {
    const listener = () => callback(this.theme);
    for (const query of this.queries) query.addEventListener("change", listener);
    return {
      dispose: () => {
        for (const query of this.queries) query.removeEventListener("change", listener);
      },
    };
  }
}

/** Downloads a file. */
export function saveInBrowser({ name, mime, data }: SavedFile): void {
  const part = typeof data === "string" ? data : new Uint8Array(data);
  const url = URL.createObjectURL(new Blob([part], { type: mime }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
