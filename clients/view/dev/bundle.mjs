// Builds the dev page into a directory, ready to be opened or served.
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

export async function bundlePage(directory) {
  await mkdir(directory, { recursive: true });
  const common = {
    bundle: true,
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    logLevel: "warning",
  };
  await build({ ...common, entryPoints: [join(here, "main.ts")], format: "iife", outfile: join(directory, "main.js") });
  for (const name of ["index.html", "page.css"]) await cp(join(here, name), join(directory, name));
}
