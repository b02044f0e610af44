/** Layers cut out of an answer. */
import { decodeBase64 } from "../src/logic/tensor";
import type { Tensor } from "../src/protocol";

const WIDTH: Readonly<Record<string, number>> = { uint8: 1, float16: 2, float32: 4 };

function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Some layers, by their places on the first axis of a tensor `[layer][head][query][key]` in base64. */
export function someLayers(tensor: Tensor, places: readonly number[]): Tensor {
  const [, ...shape] = tensor.shape;
  const size = shape.reduce((product, length) => product * length, 1) * (WIDTH[tensor.dtype] ?? 1);
  const whole = decodeBase64(tensor.data as string);
  const cut = new Uint8Array(places.length * size);
  places.forEach((place, at) => {
    cut.set(whole.subarray(place * size, (place + 1) * size), at * size);
  });
  return { ...tensor, shape: [places.length, ...shape], data: encodeBase64(cut) };
}
