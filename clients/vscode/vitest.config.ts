import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: "..",
    include: ["vscode/test/**/*.test.ts", "shared/test/**/*.test.ts"],
    environment: "node",
    testTimeout: 30_000,
  },
});
