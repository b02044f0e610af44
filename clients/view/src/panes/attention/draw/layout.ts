/** Where things stand in the attention picture: matrix, tokens, curves, tokens, matrix. Pixels. */

export const ROW_HEIGHT = 22;
const GAP = 8;
/** Room for the frame around an outer column. */
const FRAME = 2;
const CHARACTER = 8;

export interface AttentionLayout {
  readonly width: number;
  readonly rowHeight: number;
  readonly cell: number;
  readonly nHeads: number;
  readonly leftMatrix: number;
  readonly leftTokens: number;
  readonly tokenWidth: number;
  readonly curvesLeft: number;
  readonly curvesRight: number;
  readonly rightTokens: number;
  readonly rightMatrix: number;
}

/** Cells shrink first, then token labels; the curves keep at least a sixth of the width. */
export function layoutAttention(width: number, nHeads: number, longestLabel: number): AttentionLayout {
  const share = width < 480 ? 0.17 : 0.22;
  const cell = Math.max(2, Math.min(13, Math.floor((share * width) / Math.max(1, nHeads))));
  const matrix = cell * nHeads;
  const wanted = Math.ceil(longestLabel * CHARACTER) + 24;
  const most = Math.floor((width - 2 * matrix - 4 * GAP - 2 * FRAME - 0.17 * width) / 2);
  const tokenWidth = Math.max(40, Math.min(wanted, most, 180));
  const spare = width - 2 * (matrix + tokenWidth + 2 * GAP + FRAME);
  const curves = Math.max(40, Math.min(spare, 340));
  const leftMatrix = FRAME + Math.max(0, Math.floor((spare - curves) / 2));
  const leftTokens = leftMatrix + matrix + GAP;
  const curvesLeft = leftTokens + tokenWidth + GAP / 2;
  const curvesRight = curvesLeft + curves + GAP;
  const rightTokens = curvesRight + GAP / 2;
  const rightMatrix = rightTokens + tokenWidth + GAP;
  return {
    width,
    rowHeight: ROW_HEIGHT,
    cell,
    nHeads,
    leftMatrix,
    leftTokens,
    tokenWidth,
    curvesLeft,
    curvesRight,
    rightTokens,
    rightMatrix,
  };
}

/** The head (position on the axis) under x, and on which side; null outside of both matrices. */
export function headAt(layout: AttentionLayout, x: number): { side: "left" | "right"; head: number } | null {
  for (const [side, start] of [
    ["left", layout.leftMatrix],
    ["right", layout.rightMatrix],
  ] as const) {
    const head = Math.floor((x - start) / layout.cell);
    if (head >= 0 && head < layout.nHeads) return { side, head };
  }
  return null;
}
