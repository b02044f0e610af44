// Bundles the hosts that the Python package carries: node page/build.mjs DIRECTORY. `make page` puts them there.
// report: a page to send. window: the page of `exbert-rpc view`. cell: the output of a notebook's cell; loader fetches it.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { notices } from "../../shared/notices.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const live = (name) => join(here, "..", "live", name);
const common = {
  bundle: true,
  metafile: true,
  outdir: process.argv[2],
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
};
const { metafile } = await build({
  ...common,
  format: "iife",
  entryPoints: { report: join(here, "report.ts"), window: live("window.ts") },
});
await build({ ...common, format: "esm", entryPoints: { cell: live("cell.ts"), loader: live("loader.ts") } });
writeFileSync(join(process.argv[2], "NOTICES.txt"), notices(metafile, "."));
