/** One tab stop for a group of controls; arrow keys move inside it (WAI-ARIA roving tabindex). */

export type Step = "previous" | "next" | "first" | "last";

const KEYS: Readonly<Record<string, Step>> = {
  ArrowLeft: "previous",
  ArrowUp: "previous",
  ArrowRight: "next",
  ArrowDown: "next",
  Home: "first",
  End: "last",
};

export function stepOf(key: string): Step | null {
  return KEYS[key] ?? null;
}

export function stepTo(step: Step, at: number, count: number): number {
  if (step === "first") return 0;
  if (step === "last") return count - 1;
  return Math.max(0, Math.min(count - 1, at + (step === "next" ? 1 : -1)));
}

/** For groups whose members are all in the page: moves focus among `[data-roving]` of the group. */
export function moveFocus(event: KeyboardEvent): void {
  const step = stepOf(event.key);
  const group = event.currentTarget;
  if (step === null || !(group instanceof HTMLElement)) return;
  const members = [...group.querySelectorAll<HTMLElement>("[data-roving]:not(:disabled)")];
  const at = members.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  members[stepTo(step, at, members.length)].focus();
}
