// Bundles the view once for both clients: dist/view.js (ESM), dist/view.iife.js (global `exbertView`), dist/view.css.
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
await build({ ...common, format: "iife", globalName: "exbertView", outfile: "dist/view.iife.js" });
await build({ ...common, entryPoints: { view: "src/css/view.css" }, outdir: "dist" });
