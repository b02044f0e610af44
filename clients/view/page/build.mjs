// Bundles the script and style sheet of reports: node page/build.mjs DIRECTORY. `make page` puts them into the Python package.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

await build({
  bundle: true,
  entryPoints: { report: join(here, "report.ts") },
  outdir: process.argv[2],
  target: "es2022",
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
