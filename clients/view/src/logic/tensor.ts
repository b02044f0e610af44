/** Wire tensors to flat Float32Arrays. */
import type { Tensor } from "../protocol";

export interface FlatTensor {
  readonly shape: readonly number[];
  /** C order. */
  readonly values: Float32Array;
}

let halfTable: Float32Array | null = null;

/** All 65,536 float16 values; a table look-up is several times faster than the bit arithmetic. */
function halfToFloat(): Float32Array {
  if (halfTable !== null) return halfTable;
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  halfTable = table;
  return table;
}

type FromBase64 = { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

/** Base64 to bytes, by the engine's own decoder where there is one. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as FromBase64).fromBase64;
  if (native !== undefined) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function flatten(data: unknown, out: Float32Array, offset: number): number {
  if (Array.isArray(data)) {
    for (const item of data) offset = flatten(item, out, offset);
    return offset;
  }
  out[offset] = data as number;
  return offset + 1;
}

function fromBytes(dtype: Tensor["dtype"], bytes: Uint8Array<ArrayBuffer>, size: number): Float32Array {
  const values = new Float32Array(size);
  if (dtype === "uint8") {
    for (let i = 0; i < size; i++) values[i] = bytes[i] / 255;
    return values;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "float32") {
    for (let i = 0; i < size; i++) values[i] = view.getFloat32(4 * i, true);
    return values;
  }
  const table = halfToFloat();
  for (let i = 0; i < size; i++) values[i] = table[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
  return values;
}

/** Decodes a wire tensor. Throws RangeError when shape and data disagree. */
export function decodeTensor(tensor: Tensor): FlatTensor {
  const size = tensor.shape.reduce((product, length) => product * length, 1);
  if (typeof tensor.data === "string") {
    const bytes = decodeBase64(tensor.data);
    const width = tensor.dtype === "uint8" ? 1 : tensor.dtype === "float16" ? 2 : 4;
    if (bytes.length !== size * width) {
      throw new RangeError(`a ${tensor.dtype} tensor of ${size} numbers came with ${bytes.length} bytes`);
    }
    return { shape: tensor.shape, values: fromBytes(tensor.dtype, bytes, size) };
  }
  const values = new Float32Array(size);
  const filled = flatten(tensor.data, values, 0);
  if (filled !== size) throw new RangeError(`a tensor of ${size} numbers came with ${filled}`);
  if (tensor.dtype === "uint8") for (let i = 0; i < size; i++) values[i] /= 255;
  return { shape: tensor.shape, values };
}
