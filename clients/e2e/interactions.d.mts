import type { FrameLocator, Locator, Page } from "playwright-core";

type View = Page | FrameLocator | Locator;

export function inked(view: View): Promise<number>;
export function useView(
  view: View,
  about: { readonly word: string; readonly layer: number },
): Promise<{ readonly ink: number; readonly source: string }>;
