/** From query and keys of a row to what each dimension adds to the score of each key. */
import { decodeTensor } from "../../../logic/tensor";
import type { QueryKeyResult } from "../../../protocol";

export interface KeyRow {
  /** Position of the key. */
  readonly key: number;
  /** What each dimension adds: query × key × scaling. They sum to `score`. */
  readonly products: Float32Array;
  readonly score: number;
  /** The score as the softmax takes it: capped, with its bias. */
  readonly final: number;
  readonly weight: number;
}

/** The keys that the row sees, by weight, at most `count` of them. */
export function keyRows(result: QueryKeyResult, count: number): KeyRow[] {
  const { shape, values } = decodeTensor(result.keys);
  const [nKeys, size] = shape;
  const hidden = new Set(result.hidden);
  return Array.from({ length: nKeys }, (_, key) => key)
    .filter((key) => !hidden.has(key))
    .sort((a, b) => result.weights[b] - result.weights[a])
    .slice(0, count)
    .map((key) => {
      const products = values.slice(key * size, (key + 1) * size);
      for (let d = 0; d < size; d++) products[d] *= result.query[d] * result.scaling;
      const score = products.reduce((a, b) => a + b, 0);
      return {
        key,
        products,
        score,
        final: capped(score, result.softcap) + result.bias[key],
        weight: result.weights[key],
      };
    });
}

function capped(score: number, softcap: number | null): number {
  return softcap === null ? score : softcap * Math.tanh(score / softcap);
}

/** The largest absolute product of some rows; 0 without any. */
export function largest(rows: readonly KeyRow[]): number {
  return rows.reduce((most, { products }) => products.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
}

export interface DimensionShare {
  readonly dimension: number;
  readonly product: number;
}

/** The dimensions that add or take most. */
export function strongestDimensions({ products }: Pick<KeyRow, "products">, count: number): DimensionShare[] {
  return Array.from(products, (product, dimension) => ({ dimension, product }))
    .sort((a, b) => Math.abs(b.product) - Math.abs(a.product))
    .slice(0, count);
}
