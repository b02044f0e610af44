/**
 * Colors. Chosen to differ in lightness as well as hue, so that they hold up for color-blind eyes;
 * no meaning rests on them alone: every swatch carries its label.
 */
import type { Theme } from "../host";

export type Mode = "light" | "dark";

export function modeOf(theme: Theme): Mode {
  return theme === "dark" || theme === "highContrast" ? "dark" : "light";
}

const HEADS: Readonly<Record<Mode, readonly string[]>> = {
  light: [
    "#2f62c9",
    "#b4501a",
    "#0b7a5e",
    "#5a46b8",
    "#7d5f0c",
    "#1b769c",
    "#bf2a40",
    "#557a10",
    "#8a45b5",
    "#75493a",
    "#454b57",
    "#b3257f",
  ],
  dark: [
    "#7fabff",
    "#f5a470",
    "#5ad0ae",
    "#b3a6f7",
    "#dfc267",
    "#70cdf0",
    "#ff8f98",
    "#b5d864",
    "#d3a3f3",
    "#d2ab9b",
    "#c3cad6",
    "#f08dcf",
  ],
};

/** One color a head, the same in every picture. Colors repeat after twelve heads; the number beside them does not. */
export function headColor(head: number, mode: Mode): string {
  const palette = HEADS[mode];
  return palette[head % palette.length];
}

const POS: Readonly<Record<string, string>> = {
  VERB: "#3f68d4",
  AUX: "#8fb0f5",
  NOUN: "#e0b000",
  PROPN: "#9a6a00",
  PRON: "#f3a6c8",
  DET: "#f08f78",
  ADJ: "#7a3fa8",
  ADV: "#c49be6",
  ADP: "#66c2ad",
  PART: "#2c8a3c",
  SCONJ: "#14606b",
  CCONJ: "#a4d65e",
  NUM: "#b2362c",
  PUNCT: "#9aa1ab",
  SYM: "#5c636e",
  INTJ: "#d9488f",
  X: "#c7c0ae",
  SPACE: "#e3e6ea",
};

const OTHERS: readonly string[] = [
  "#3f68d4",
  "#e0b000",
  "#2c8a3c",
  "#f08f78",
  "#7a3fa8",
  "#66c2ad",
  "#b2362c",
  "#8fb0f5",
  "#9a6a00",
  "#c49be6",
  "#14606b",
  "#f3a6c8",
  "#a4d65e",
  "#d9488f",
  "#9aa1ab",
  "#c7c0ae",
  "#6d4c1f",
  "#5c636e",
];

function hash(text: string): number {
  let value = 2166136261;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return value >>> 0;
}

/** The color of an annotation; null for "none". Labels outside the list get a stable one of their own. */
export function labelColor(label: string, attribute: string): string | null {
  if (label === "none") return null;
  if (attribute === "pos" && POS[label] !== undefined) return POS[label];
  return OTHERS[hash(label) % OTHERS.length];
}

export function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** WCAG relative luminance, 0..1. */
export function luminance(hex: string): number {
  const [r, g, b] = rgb(hex).map((channel) => {
    const c = channel / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever reads better on a color. */
export function inkOn(hex: string): "#000000" | "#ffffff" {
  return contrast(hex, "#ffffff") >= contrast(hex, "#000000") ? "#ffffff" : "#000000";
}
