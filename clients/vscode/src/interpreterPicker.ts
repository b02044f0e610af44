/** The list of Pythons: where each comes from, and whether the package is in it. */
import { homedir } from "node:os";
import * as vscode from "vscode";
import { examineAll, findAllInterpreters, namedInterpreter } from "./environment";
import { type Examined, worthListing } from "./pure/finding";
import { describeSource, shortPath } from "./pure/interpreters";
import { describeProbe } from "./pure/probe";
import { readSettings } from "./settings";

export type InterpreterChoice =
  /** Empty: as it is found. */
  { readonly kind: "path"; readonly path: string } | { readonly kind: "install" };

interface Item extends vscode.QuickPickItem {
  readonly choice?: InterpreterChoice | "type";
}

/** What the person chose. `inUse` is the interpreter of the server that runs. */
export async function pickInterpreter(
  own: string,
  cwd: string,
  inUse: string | undefined,
): Promise<InterpreterChoice | undefined> {
  const picker = vscode.window.createQuickPick<Item>();
  picker.title = "exBERT: Python interpreter";
  picker.placeholder = "The Python that runs the server";
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.busy = true;
  const found: Examined[] = [];
  const show = (): void => {
    picker.items = [...worthListing(found).map((one) => itemOf(one, inUse)), ...otherWays()];
  };
  show();
  const looked = examineAll(findAllInterpreters(own), cwd, (one) => {
    found.push(one);
    show();
  }).then((all) => {
    // in the order in which they count, once all have answered
    found.splice(0, found.length, ...all);
    show();
  });
  void looked.finally(() => {
    picker.busy = false;
  });
  try {
    const picked = await new Promise<Item | undefined>((resolve) => {
      picker.onDidAccept(() => resolve(picker.selectedItems[0]));
      picker.onDidHide(() => resolve(undefined));
      picker.show();
    });
    picker.hide();
    return picked?.choice === "type" ? await typePath() : picked?.choice;
  } finally {
    picker.dispose();
  }
}

function itemOf({ interpreter: { path, source }, answer }: Examined, inUse: string | undefined): Item {
  const short = shortPath(path, homedir());
  return {
    label: `${answer.kind === "ready" ? "$(pass)" : "$(circle-slash)"} ${source === "own" ? "exBERT's environment" : short}`,
    description: [describeSource(source), path === inUse ? "in use" : ""].filter(Boolean).join(", "),
    detail: source === "own" ? `${describeProbe(answer)}, in ${short}` : describeProbe(answer),
    choice: { kind: "path", path },
  };
}

function otherWays(): Item[] {
  return [
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    ...(namedInterpreter() === ""
      ? []
      : [
          {
            label: "$(search) Automatic",
            description: "the first of these that has exbert-rpc",
            choice: { kind: "path", path: "" },
          } satisfies Item,
        ]),
    {
      label: "$(add) Make an environment for exBERT…",
      description: "asks first, and says how much is downloaded",
      choice: { kind: "install" },
    },
    { label: "$(edit) Enter a path…", choice: "type" },
  ];
}

async function typePath(): Promise<InterpreterChoice | undefined> {
  const typed = await vscode.window.showInputBox({
    title: "exBERT: Python interpreter",
    prompt: "Path of a Python 3.11 or later that has exbert-rpc; empty: as it is found",
    value: readSettings().interpreter,
  });
  return typed === undefined ? undefined : { kind: "path", path: typed.trim() };
}
