/** A matrix of weights as bytes, at full size and halved again and again: each cell holds the largest it covers. */

export interface Level {
  readonly rows: number;
  readonly columns: number;
  /** `[row][column]`, 0..255: the root of the weight relative to the largest, so that weak patterns show. */
  readonly values: Uint8Array;
}

/** Levels below this size are not needed: no map is drawn smaller. */
const SMALLEST = 128;

/** Full size first. Maxima instead of means: a line one cell wide survives any reduction. */
export function levelsOf(matrix: Float32Array, rows: number, columns: number): Level[] {
  const levels = [fullLevel(matrix, rows, columns)];
  for (let last = levels[0]; Math.max(last.rows, last.columns) > SMALLEST; ) {
    last = halved(last);
    levels.push(last);
  }
  return levels;
}

function fullLevel(matrix: Float32Array, rows: number, columns: number): Level {
  let most = 0;
  for (let i = 0; i < matrix.length; i++) if (matrix[i] > most) most = matrix[i];
  const values = new Uint8Array(matrix.length);
  if (most > 0) for (let i = 0; i < matrix.length; i++) values[i] = 255 * Math.sqrt(matrix[i] / most) + 0.5;
  return { rows, columns, values };
}

function halved({ rows, columns, values }: Level): Level {
  const half = { rows: Math.ceil(rows / 2), columns: Math.ceil(columns / 2) };
  const out = new Uint8Array(half.rows * half.columns);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const into = (row >> 1) * half.columns;
    for (let column = 0; column < columns; column++) {
      const at = into + (column >> 1);
      if (values[from + column] > out[at]) out[at] = values[from + column];
    }
  }
  return { ...half, values: out };
}

/** The finest level of which no cell is smaller than a pixel, for `cells` of the full size on `pixels`. */
export function levelFor(levels: readonly Level[], cells: number, pixels: number): number {
  const wanted = Math.ceil(Math.log2(Math.max(1, cells / Math.max(1, pixels))));
  return Math.min(levels.length - 1, wanted);
}
