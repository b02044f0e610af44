import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { notices, packageOf } from "../notices.mjs";

let folder: string;

function install(name: string, licence: string | null): void {
  const place = join(folder, "node_modules", name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ name, version: "1.2.3", license: "MIT" }));
  if (licence !== null) writeFileSync(join(place, "LICENSE.md"), licence);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "notices-"));
});

describe("third-party notices", () => {
  it("hold the licence of each bundled package once, and nothing of our own files", () => {
    install("@scope/one", "Copyright One");
    install("two", "Copyright Two");
    install("unused", "Copyright Unused");
    const inputs = {
      "src/index.ts": {},
      "node_modules/two/a.js": {},
      "node_modules/two/b.js": {},
      "node_modules/@scope/one/c.js": {},
    };
    const text = notices({ inputs }, folder);
    expect(text.match(/Copyright \w+/g)).toEqual(["Copyright One", "Copyright Two"]);
    expect(text).toContain("@scope/one 1.2.3 (MIT)");
  });

  it("fail for a package that ships no licence text", () => {
    install("silent", null);
    expect(() => notices({ inputs: { "node_modules/silent/a.js": {} } }, folder)).toThrow(
      "silent ships no licence text",
    );
  });

  it("know a package inside a package, and paths of Windows", () => {
    expect(packageOf("node_modules/a/node_modules/b/c.js")).toBe("node_modules/a/node_modules/b");
    expect(packageOf("node_modules\\a\\b.js")).toBe("node_modules/a");
    expect(packageOf("src/a.ts")).toBeNull();
  });
});
