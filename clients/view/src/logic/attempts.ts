/** Counts failures in a row, so that what fails at once every time is not tried forever. */
export class Attempts {
  private used = 0;

  constructor(private readonly most: number) {}

  /** Uses one attempt; false when none is left. */
  take(): boolean {
    if (this.used >= this.most) return false;
    this.used++;
    return true;
  }

  reset(): void {
    this.used = 0;
  }
}
