/** Layers cut out of an answer. */
import { decodeBase64 } from "../src/logic/tensor";
import type { Tensor } from "../src/protocol";

const WIDTH: Readonly<Record<string, number>> = { uint8: 1, float16: 2, float32: 4 };

function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The layers asked for, of a tensor `[layer][head][query][key]` in base64 that holds all layers from 0 on. */
export function someLayers(tensor: Tensor, layers: readonly number[]): Tensor {
  const [, ...shape] = tensor.shape;
  const size = shape.reduce((product, length) => product * length, 1) * (WIDTH[tensor.dtype] ?? 1);
  const whole = decodeBase64(tensor.data as string);
  const cut = new Uint8Array(layers.length * size);
  layers.forEach((layer, at) => {
    cut.set(whole.subarray(layer * size, (layer + 1) * size), at * size);
  });
  return { ...tensor, shape: [layers.length, ...shape], data: encodeBase64(cut) };
}
