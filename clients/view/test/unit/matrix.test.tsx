// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import type { MatrixData } from "../../src/draw/matrix";
import { Matrix } from "../../src/ui/Matrix";
import { until } from "./wait";

const data: MatrixData = {
  rowKind: "state",
  columnKind: "token",
  rowNames: ["0", "1"],
  columnNames: ["a", "b", "c"],
  cells: [0, 1].map((row) =>
    [0, 1, 2].map((column) => ({ value: row, color: "#ffffff", text: "", spoken: `value ${row}${column}` })),
  ),
};

function drawn(onChoose?: (at: { row: number; column: number }) => void) {
  const element = document.createElement("div");
  document.body.append(element);
  render(<Matrix label="Numbers" data={data} onChoose={onChoose} />, element);
  return element;
}

afterEach(() => {
  for (const element of [...document.body.children]) render(null, element);
  document.body.replaceChildren();
});

describe("a matrix", () => {
  it("has one tab stop; arrow keys move it, and the value under it is read and written out", async () => {
    const element = drawn();
    const cell = (at: string) => element.querySelector<HTMLElement>(`[data-cell="${at}"]`);
    const press = async (key: string, to: string) => {
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await until(
        () => cell(to),
        (one) => one === document.activeElement && one?.tabIndex === 0,
      );
    };
    cell("0:0")?.focus();
    await press("ArrowRight", "0:1");
    await press("ArrowDown", "1:1");
    await press("End", "1:2");
    await press("ArrowRight", "1:2");
    expect(element.querySelectorAll('[data-cell][tabindex="0"]').length).toBe(1);
    expect(cell("1:2")?.getAttribute("aria-label")).toBe("value 12");
    await until(
      () => element.querySelector(".matrix-value")?.textContent,
      (text) => text === "state 1, token c: value 12",
    );
  });

  it("is chosen from by Enter and by a click, where that means something", () => {
    const chosen: unknown[] = [];
    const element = drawn((at) => chosen.push(at));
    element.querySelector<HTMLElement>('[data-cell="1:0"]')?.click();
    element.querySelector<HTMLElement>('[data-cell="0:0"]')?.focus();
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(chosen).toEqual([
      { row: 1, column: 0 },
      { row: 0, column: 0 },
    ]);
  });
});
