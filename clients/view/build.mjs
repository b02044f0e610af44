// Bundles the view once for all hosts: dist/view.js (ES module) with dist/view.css, and dist/view.iife.js (global `exbertView`).
import { writeFileSync } from "node:fs";
import { build } from "esbuild";
import { notices } from "../shared/notices.mjs";

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
const { metafile } = await build({ ...common, format: "esm", outdir: "dist", metafile: true });
writeFileSync("dist/NOTICES.txt", notices(metafile, "."));
// the same style sheet belongs to both
await build({
  ...common,
  format: "iife",
  globalName: "exbertView",
  loader: { ".css": "empty" },
  outfile: "dist/view.iife.js",
});
