// Licences of the packages whose code a bundle contains, out of what esbuild says that it read (`metafile: true`).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The notices of all packages in a bundle, by name.
 * @param {{ inputs: Record<string, unknown> }} metafile esbuild's; its paths are relative to `folder`.
 * @param {string} folder where esbuild ran.
 */
export function notices(metafile, folder) {
  const packages = new Set(
    Object.keys(metafile.inputs)
      .map(packageOf)
      .filter((one) => one !== null),
  );
  return [...packages]
    .sort()
    .map((one) => notice(join(folder, one)))
    .join("\n");
}

/** `node_modules/@scope/name/dist/x.js` → `node_modules/@scope/name`; null for our own files. */
export function packageOf(path) {
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path.replaceAll("\\", "/"));
  return found?.[1] ?? null;
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined || !existsSync(join(folder, file))) throw new Error(`${name} ships no licence text`);
  const text = readFileSync(join(folder, file), "utf8").trim();
  return `${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}
