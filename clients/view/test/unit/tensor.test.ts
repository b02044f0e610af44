import { describe, expect, it } from "vitest";
import { packTensor } from "../../dev/synthetic";
import { decodeBase64, decodeTensor } from "../../src/logic/tensor";

const base64 = (bytes: number[]) => btoa(String.fromCharCode(...bytes));

describe("tensors", () => {
  it("of nested lists are flattened in C order", () => {
    const found = decodeTensor({
      dtype: "float32",
      shape: [2, 2],
      encoding: "list",
      data: [
        [1, 2],
        [3, 4],
      ],
    });
    expect([...found.values]).toEqual([1, 2, 3, 4]);
  });

  it("of uint8 mean value / 255", () => {
    const found = decodeTensor({ dtype: "uint8", shape: [3], encoding: "base64", data: base64([0, 51, 255]) });
    [0, 0.2, 1].forEach((value, i) => expect(found.values[i]).toBeCloseTo(value, 6));
  });

  it.each([
    ["one", [0x00, 0x3c], 1],
    ["minus two", [0x00, 0xc0], -2],
    ["a third, rounded", [0x55, 0x35], 0.333251953125],
    ["the largest", [0xff, 0x7b], 65504],
    ["the smallest subnormal", [0x01, 0x00], 2 ** -24],
    ["zero", [0x00, 0x00], 0],
    ["infinity", [0x00, 0x7c], Number.POSITIVE_INFINITY],
  ])("of float16 follow IEEE 754: %s", (_, bytes, value) => {
    expect(decodeTensor({ dtype: "float16", shape: [1], encoding: "base64", data: base64(bytes) }).values[0]).toBe(
      value,
    );
  });

  it("of float32 base64 come back as they went", () => {
    const values = Float32Array.from([0.1, -3.5, 1e-9]);
    expect([...decodeTensor(packTensor(values, [3], "float16")).values]).toEqual([...values]);
  });

  it("with too few bytes are refused", () => {
    expect(() => decodeTensor({ dtype: "float16", shape: [2], encoding: "base64", data: base64([0, 0]) })).toThrow(
      /2 bytes/,
    );
    expect(() => decodeTensor({ dtype: "float32", shape: [3], encoding: "list", data: [1, 2] })).toThrow(/came with 2/);
  });

  it("are read without the engine's own decoder as well", () => {
    expect([...decodeBase64(base64([7, 200, 13]))]).toEqual([7, 200, 13]);
  });
});
