// Bundles the script and style sheet of reports: node page/build.mjs DIRECTORY. `make page` puts them into the Python package.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { notices } from "../../shared/notices.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const { metafile } = await build({
  bundle: true,
  metafile: true,
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
writeFileSync(join(process.argv[2], "NOTICES.txt"), notices(metafile, "."));
