/** What to index: files and folders that a person chooses, and what they hold. */
import * as vscode from "vscode";
import { countLines, fieldsToAsk, fileCount, type SourcesPreview, skippedLines } from "../../shared/src/indexPlan";
import { readSettings } from "./settings";

const MOST_LINES = 8;

/** Lets a person choose; undefined when they changed their mind. */
export async function pickSources(): Promise<readonly vscode.Uri[] | undefined> {
  // most systems' dialogs show either files or folders
  const kinds = [
    { label: "$(folder) Folders…", files: false },
    { label: "$(files) Files…", files: true },
  ];
  const kind = await vscode.window.showQuickPick(kinds, { title: "exBERT: index" });
  if (kind === undefined) return undefined;
  return await vscode.window.showOpenDialog({
    canSelectFiles: kind.files,
    canSelectFolders: !kind.files,
    canSelectMany: true,
    openLabel: "Index",
    title: kind.files ? "Files to index" : "Folders to index",
  });
}

/** The files of folders, and the files themselves, as uris; the server gets the list, so that the editor's exclusions hold. */
export async function filesOf(roots: readonly vscode.Uri[]): Promise<string[]> {
  const found = await Promise.all(roots.map(async (root) => ((await isFolder(root)) ? filesBelow(root) : [root])));
  return [...new Set(found.flat().map((uri) => uri.toString()))].sort();
}

async function isFolder(uri: vscode.Uri): Promise<boolean> {
  // of what is gone, the server says so
  return await vscode.workspace.fs.stat(uri).then(
    ({ type }) => (type & vscode.FileType.Directory) !== 0,
    () => false,
  );
}

async function filesBelow(folder: vscode.Uri): Promise<vscode.Uri[]> {
  const { include, exclude } = readSettings(folder);
  const leaveOut = exclude.length === 0 ? null : new vscode.RelativePattern(folder, `{${exclude.join(",")}}`);
  const found = await Promise.all(
    include.map((glob) => vscode.workspace.findFiles(new vscode.RelativePattern(folder, glob), leaveOut)),
  );
  return found.flat();
}

/** What a person said to a preview. */
export interface Confirmed {
  /** undefined: a field named “text”, or the only one that is a text. */
  readonly textField: string | undefined;
}

/** Shows what will be read, and asks for the field of records; undefined when the person changed their mind. */
export async function confirmSources(corpus: string, preview: SourcesPreview): Promise<Confirmed | undefined> {
  const fields = fieldsToAsk(preview);
  const field = fields.length === 0 ? { value: undefined } : await pickField(fields);
  if (field === undefined) return undefined;
  const files = fileCount(preview);
  const question = `Index ${files} ${files === 1 ? "file" : "files"} as “${corpus}”?`;
  const answer = await vscode.window.showInformationMessage(
    question,
    { modal: true, detail: detail(preview) },
    "Index",
  );
  return answer === "Index" ? { textField: field.value } : undefined;
}

async function pickField(fields: readonly string[]): Promise<{ readonly value: string | undefined } | undefined> {
  const items = [
    ...fields.map((label) => ({ label, value: label as string | undefined })),
    {
      label: "$(question) Decide file by file",
      description: "“text”, or the only field that is a text",
      value: undefined,
    },
  ];
  return await vscode.window.showQuickPick(items, { title: "exBERT: which field of the records is the text?" });
}

function detail(preview: SourcesPreview): string {
  const skipped = skippedLines(preview.skipped);
  const more = skipped.length > MOST_LINES ? [`… and ${skipped.length - MOST_LINES} more`] : [];
  const leftOut = skipped.length === 0 ? [] : ["", "Left out:", ...skipped.slice(0, MOST_LINES), ...more];
  return [...countLines(preview), ...leftOut].join("\n");
}
