/** Which rows of a long list are worth drawing. Heights may differ; they are measured as rows come into view. */

export class RowHeights {
  private readonly known = new Map<number, number>();
  private tops: Float64Array | null = null;

  constructor(
    readonly count: number,
    readonly estimate: number,
  ) {}

  /** Says how high a row turned out. True when that moves the rows below it. */
  measure(row: number, height: number): boolean {
    if (height <= 0 || Math.abs((this.known.get(row) ?? this.estimate) - height) < 0.5) return false;
    this.known.set(row, height);
    this.tops = null;
    return true;
  }

  private offsets(): Float64Array {
    if (this.tops !== null) return this.tops;
    const tops = new Float64Array(this.count + 1);
    for (let i = 0; i < this.count; i++) tops[i + 1] = tops[i] + (this.known.get(i) ?? this.estimate);
    this.tops = tops;
    return tops;
  }

  top(row: number): number {
    return this.offsets()[Math.max(0, Math.min(row, this.count))];
  }

  get total(): number {
    return this.offsets()[this.count];
  }

  /** The row at a height; clamped to the list. */
  at(y: number): number {
    const tops = this.offsets();
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] > y) high = middle;
      else low = middle + 1;
    }
    return Math.min(low, Math.max(0, this.count - 1));
  }

  /** Half-open range of rows that touch the window, `margin` rows more on both ends. */
  visible(scrollTop: number, height: number, margin = 4): { first: number; last: number } {
    if (this.count === 0) return { first: 0, last: 0 };
    const first = Math.max(0, this.at(scrollTop) - margin);
    const last = Math.min(this.count, this.at(scrollTop + height) + 1 + margin);
    return { first, last };
  }
}
