// Bundles the extension and the webview into dist/. `--production` minifies; the web view's bundle is built if it is missing.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { notices } from "../shared/notices.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const production = process.argv.includes("--production");
const view = here("../view/");

if (production || !existsSync(`${view}dist/NOTICES.txt`)) {
  for (const args of [
    ...(existsSync(`${view}node_modules`) ? [] : [["ci", "--ignore-scripts", "--no-audit", "--no-fund"]]),
    ["run", "build"],
  ]) {
    const { status } = spawnSync("npm", args, { cwd: view, stdio: "inherit", shell: process.platform === "win32" });
    if (status !== 0) throw new Error(`clients/view: npm ${args.join(" ")} failed`);
  }
}

rmSync(here("dist"), { recursive: true, force: true });
mkdirSync(here("dist"), { recursive: true });
const common = {
  bundle: true,
  target: "es2022",
  minify: production,
  sourcemap: !production,
  legalComments: "none",
  logLevel: "warning",
};
const { metafile } = await build({
  ...common,
  metafile: true,
  absWorkingDir: here("."),
  entryPoints: [here("src/extension.ts")],
  outfile: here("dist/extension.js"),
  platform: "node",
  format: "cjs",
  external: ["vscode"],
});
await build({
  ...common,
  entryPoints: [here("src/webview/main.ts")],
  outfile: here("dist/webview.js"),
  platform: "browser",
  format: "esm",
  // the types come from the view's source, the code from the bundle that both clients share
  alias: { "exbert-view": `${view}dist/view.js` },
});
writeFileSync(
  here("dist/NOTICES.txt"),
  `${notices(metafile, here("."))}\n${readFileSync(`${view}dist/NOTICES.txt`, "utf8")}`,
);
cpSync(`${view}dist/view.css`, here("dist/view.css"));
cpSync(here("media/theme.css"), here("dist/theme.css"));
