import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, settled } from "./page";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

interface AxeWindow {
  axe: { run(context: string, options: object): Promise<{ violations: Violation[] }> };
}

const STATES: readonly [scenario: string, width: number, pane: string][] = [
  ["escape", 1400, "attention"],
  ["escape", 420, "attention"],
  ["escape", 420, "corpus"],
  ["escape", 420, "summary"],
  ["synthetic", 1400, "attention"],
  ["relation", 1400, "attention"],
  ["card", 1400, "heads"],
  ["gpteffect", 1400, "effect"],
  ["comparemask", 1400, "compare"],
  ["lens", 420, "effect"],
  ["pairs", 1400, "effect"],
  ["gptheads", 420, "heads"],
  ["gptparts", 1400, "effect"],
  ["against", 420, "effect"],
  ["oldcorpus", 420, "heads"],
  ["smollm", 1400, "heads"],
  ["comparelengths", 420, "compare"],
  ["comparetexts", 1400, "compare"],
  ["pin", 420, "compare"],
  ["without", 1400, "attention"],
  ["masked", 1400, "attention"],
  ["gpt", 1400, "attention"],
  ["sinks", 1232, "attention"],
  ["pair", 420, "attention"],
  ["nocorpus", 1400, "attention"],
  ["searcherror", 1400, "attention"],
  ["nothing", 420, "attention"],
  ["long60", 1400, "attention"],
  ["long60", 420, "attention"],
  ["querykey", 1400, "attention"],
];

/** Pages at once: each waits until it has come to rest, while another one is looked at. */
const LANES = 3;

async function inLanes<T>(lanes: number, items: readonly T[], look: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await look(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

describe.skipIf(!hasChromium)("axe finds no violation", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  // the high contrast themes differ in colors only: the states with most of them will do
  it.each([
    ["light", STATES],
    ["dark", STATES],
    ["highContrast", [...STATES.slice(0, 10), ...STATES.slice(-4)]],
    ["highContrastLight", [...STATES.slice(0, 10), ...STATES.slice(-4)]],
  ] as const)(
    "in the states of theme %s",
    (theme, states) =>
      inLanes(LANES, states, async ([scenario, width, pane]) => {
        const { page, errors } = await dev.open(scenario, { theme, width, height: 900, view: { pane } });
        await settled(page);
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() =>
          (window as unknown as AxeWindow).axe.run("#view", { resultTypes: ["violations"] }),
        );
        const reported = violations.map(
          (one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`,
        );
        expect(reported, `${scenario} ${width} ${pane}`).toEqual([]);
        expect(errors, `${scenario} ${width} ${pane}`).toEqual([]);
        await page.close();
      }),
    400_000,
  );
});
