/** The Pythons of a PATH. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { pathNames } from "../pure/interpreters";

/** Paths of the Pythons in the PATH's folders, the plain name first; each program once, by whatever name. */
export async function pythonsOnPath(path: string, platform: NodeJS.Platform): Promise<readonly string[]> {
  // a relative folder would be one of the workspace, perhaps
  const folders = path.split(delimiter).filter(isAbsolute);
  const found: string[] = [];
  const programs = new Set<string>();
  for (const name of pathNames(platform)) {
    for (const folder of folders) {
      const program = await programAt(join(folder, name));
      if (program === undefined || programs.has(program)) continue;
      programs.add(program);
      found.push(join(folder, name));
    }
  }
  return found;
}

async function programAt(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile() ? await realpath(path) : undefined;
  } catch {
    return undefined;
  }
}
