// Bundles the hosts that the Python package carries: node page/build.mjs DIRECTORY. `make page` puts them there.
// report: a page to send. window: the page of `exbert-rpc view`.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { notices } from "../../shared/notices.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const { metafile } = await build({
  bundle: true,
  metafile: true,
  entryPoints: { report: join(here, "report.ts"), window: join(here, "..", "live", "window.ts") },
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
