/** Plain colors for canvas and exported pictures, where CSS variables do not reach. */
import type { Theme } from "../host";

export interface Ink {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  /** Hue of heat cells; its alpha carries the value. */
  readonly heat: readonly [number, number, number];
  readonly bar: string;
  readonly tick: string;
}

const INKS: Readonly<Record<Theme, Ink>> = {
  light: {
    background: "#ffffff",
    text: "#1c2230",
    muted: "#5c6470",
    line: "#dfe3e8",
    heat: [38, 84, 182],
    bar: "#4169c8",
    tick: "#c02a22",
  },
  dark: {
    background: "#1e1f24",
    text: "#e4e7ee",
    muted: "#a3aab8",
    line: "#3a3e48",
    heat: [122, 172, 255],
    bar: "#7fa6ff",
    tick: "#ff8d80",
  },
  highContrast: {
    background: "#000000",
    text: "#ffffff",
    muted: "#e0e0e0",
    line: "#8a8a8a",
    heat: [255, 236, 120],
    bar: "#ffe95c",
    tick: "#ff9a9a",
  },
  highContrastLight: {
    background: "#ffffff",
    text: "#000000",
    muted: "#202020",
    line: "#5a5a5a",
    heat: [0, 26, 130],
    bar: "#001a82",
    tick: "#a00000",
  },
};

export function inkOf(theme: Theme): Ink {
  return INKS[theme];
}

export function heat(ink: Ink, value: number): string {
  return `rgba(${ink.heat.join(",")},${Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000})`;
}
