import { describe, expect, it } from "vitest";
import { random } from "../../dev/random";
import { RowHeights } from "../../src/logic/virtual";

describe("a long list", () => {
  it("knows the row at each height, whatever heights its rows turned out to have", () => {
    const next = random(3);
    const heights = Array.from({ length: 300 }, () => 20 + Math.floor(90 * next()));
    const rows = new RowHeights(300, 50);
    heights.forEach((height, row) => rows.measure(row, height));
    const total = heights.reduce((a, b) => a + b, 0);
    expect(rows.total).toBe(total);
    for (let y = 0; y < total; y += 137) {
      let row = 0;
      let top = 0;
      while (top + heights[row] <= y) top += heights[row++];
      expect(rows.at(y)).toBe(row);
      expect(rows.top(row)).toBe(top);
    }
  });

  it("shows every row that touches the window, and no more than the margin beyond", () => {
    const rows = new RowHeights(1000, 30);
    expect(rows.visible(3000, 300, 2)).toEqual({ first: 98, last: 113 });
    expect(rows.visible(0, 300, 2).first).toBe(0);
    expect(rows.visible(29_900, 300, 2).last).toBe(1000);
  });

  it("says whether a measured height moved anything", () => {
    const rows = new RowHeights(3, 30);
    expect([rows.measure(0, 30), rows.measure(0, 42), rows.measure(0, 42), rows.measure(1, 0)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it("may be empty", () => {
    expect(new RowHeights(0, 30).visible(0, 100)).toEqual({ first: 0, last: 0 });
  });
});
