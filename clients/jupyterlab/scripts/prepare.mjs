// Collects in generated/ what other folders make: the wire types (protocol/), the view (clients/view/) and what clients
// share (clients/shared/). `#protocol`, `#view` and `#shared/…` in the sources mean these files; none is written by hand.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const view = join(here, "..", "view");
const out = join(here, "generated");

const FILES = ["view.js", "view.css", "NOTICES.txt"];
for (const file of FILES) {
  if (!existsSync(join(view, "dist", file))) {
    console.error(
      `clients/view/dist/${file} is missing: run "npm ci --ignore-scripts && npm run build" in clients/view first`,
    );
    process.exit(1);
  }
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const file of FILES) copyFileSync(join(view, "dist", file), join(out, file));
const tsc = join(here, "node_modules", "typescript", "bin", "tsc");
for (const part of ["protocol", "view", "shared"]) {
  execFileSync(process.execPath, [tsc, "-p", join(here, `tsconfig.${part}.json`)], { stdio: "inherit" });
}
writeFileSync(join(out, "view.d.ts"), 'export * from "./types/clients/view/src/index";\n');
