import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Method } from "../../../protocol/types";
import { reportsProgress } from "../src/pure/reporting";

interface OpenRpc {
  readonly methods: readonly { readonly name: string; readonly params: readonly { readonly name: string }[] }[];
}

const openRpc = JSON.parse(readFileSync(join(__dirname, "../../../protocol/openrpc.json"), "utf8")) as OpenRpc;

describe("a token for progress", () => {
  it("goes with every method that takes one, and with no other", () => {
    const taking = openRpc.methods.filter(({ params }) => params.some(({ name }) => name === "workDoneToken"));
    expect(taking.length).toBeGreaterThan(5);
    const names = (methods: OpenRpc["methods"]) => methods.map(({ name }) => name).sort();
    expect(names(openRpc.methods.filter(({ name }) => reportsProgress(name as Method)))).toEqual(names(taking));
  });
});
