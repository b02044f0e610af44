/**
 * Environments that the extension has made, in a folder of its own.
 * Each is a folder with a name of its own. Only one that holds a mark is ever used, and the mark is written last.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pythonIn } from "../pure/interpreters";

const MARK = "exbert-ready.json";

interface Mark {
  /** When it was made: milliseconds since 1970. */
  readonly made: number;
}

export interface Made {
  readonly folder: string;
  readonly python: string;
  readonly made: number;
}

/** The environments that are complete, the newest first. */
export async function madeIn(home: string): Promise<readonly Made[]> {
  const found: Made[] = [];
  for (const folder of await foldersOf(home)) {
    const mark = await readMark(folder);
    const python = pythonIn(folder, process.platform);
    if (mark !== undefined && existsSync(python)) found.push({ folder, python, made: mark.made });
  }
  return found.sort((a, b) => b.made - a.made);
}

/** A new, empty folder; its name says which process makes it. */
export async function newFolder(home: string): Promise<string> {
  const folder = join(home, `${Date.now()}-${process.pid}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** From now on it counts. */
export async function markReady(folder: string): Promise<void> {
  const mark: Mark = { made: Date.now() };
  const path = join(folder, MARK);
  await writeFile(`${path}.new`, JSON.stringify(mark));
  await rename(`${path}.new`, path);
}

/** Takes the mark first, so that nothing uses what is half removed. */
export async function remove(folder: string): Promise<void> {
  await rm(join(folder, MARK), { force: true });
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Removes what was left half-made by a process that has ended, and what `keep` has replaced. */
export async function tidy(home: string, keep: string | undefined): Promise<void> {
  for (const folder of await foldersOf(home)) {
    const isReady = (await readMark(folder)) !== undefined;
    const isLeft = !isReady && !isRunning(Number(/-(\d+)$/.exec(folder)?.[1]));
    if (isLeft || (isReady && keep !== undefined && folder !== keep)) await remove(folder);
  }
}

async function foldersOf(home: string): Promise<string[]> {
  const entries = await readdir(home, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && /^\d+-\d+$/.test(entry.name))
    .map(({ name }) => join(home, name));
}

async function readMark(folder: string): Promise<Mark | undefined> {
  try {
    const mark = JSON.parse(await readFile(join(folder, MARK), "utf8")) as Partial<Mark>;
    return typeof mark.made === "number" ? { made: mark.made } : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
