// Bundles the view once for all hosts: dist/view.js (ES module) with dist/view.css, and dist/view.iife.js (global `exbertView`).
import { build } from "esbuild";

const common = {
  entryPoints: { view: "src/index.ts" },
  bundle: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: !process.argv.includes("--debug"),
  legalComments: "none",
  logLevel: "warning",
};
await build({ ...common, format: "esm", outdir: "dist" });
// the same style sheet belongs to both
await build({
  ...common,
  format: "iife",
  globalName: "exbertView",
  loader: { ".css": "empty" },
  outfile: "dist/view.iife.js",
});
