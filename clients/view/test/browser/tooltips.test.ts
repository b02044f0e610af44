import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevPage, hasChromium, settled } from "./page";

const STATES: readonly [scenario: string, pane: string, view: object][] = [
  ["nothing", "attention", {}],
  ["escape", "attention", { showQueryKey: true }],
  ["long60", "attention", {}],
  ["escape", "corpus", {}],
  ["escape", "summary", {}],
  ["card", "heads", {}],
  ["gpteffect", "effect", {}],
  ["comparemask", "compare", {}],
];

/** Controls that are what they show: words of a text, cells of a map, rows of a list, tabs. Hovering shows more of them. */
const SELF_EVIDENT =
  ".token, .thumbnail, .head-cell, [role=tab], [role=gridcell], .hit, .hit *, .matrix *, .map-canvas, .token-tip, option";

describe.skipIf(!hasChromium)("every control", () => {
  let dev: DevPage;
  beforeAll(async () => {
    dev = await DevPage.start();
  });
  afterAll(() => dev.stop());

  it("says in a tooltip what it does", async () => {
    for (const [scenario, pane, view] of STATES) {
      const { page } = await dev.open(scenario, { width: 420, height: 900, view: { pane, ...view } });
      await settled(page);
      const bare = await page.evaluate(
        (self) =>
          [...document.querySelectorAll("button, select, input, textarea, summary, [tabindex='0']")]
            .filter((one) => !one.matches(self) && one.closest("[title]") === null)
            .map((one) => one.outerHTML.slice(0, 160)),
        SELF_EVIDENT,
      );
      expect(bare, `${scenario} ${pane}`).toEqual([]);
      await page.close();
    }
  }, 120_000);
});
