/** Asks before anything is installed, says how much it is, and shows how far it is. */
import { homedir } from "node:os";
import * as vscode from "vscode";
import { examineAll, findInterpreters } from "./environment";
import { baseFor, type Examined, noBase, pathOf, targetsOf } from "./pure/finding";
import { shortPath } from "./pure/interpreters";
import { install, makeEnvironment, SIZES, type Watcher } from "./python/making";
import { Cancelled } from "./python/program";
import { readSettings } from "./settings";

const MAKE = "Make an Environment";
const CHOOSE = "Select Interpreter";

/** How it ended: the new interpreter, or what the person wants instead. */
export type Ending =
  | { readonly kind: "installed"; readonly python: string; readonly isOwn: boolean }
  | { readonly kind: "choose" }
  | { readonly kind: "nothing" };

export class Installer implements vscode.Disposable {
  private running: AbortController | undefined;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    /** Where environments are made. */
    readonly home: string,
    /** Where interpreters are asked: no folder of a workspace. */
    private readonly cwd: string,
  ) {}

  /** Makes an environment, or installs into one of the person's, as they say. Throws what failed, with what to do. */
  async offer(): Promise<Ending> {
    if (this.running !== undefined) {
      void vscode.window.showInformationMessage("exBERT is being installed.");
      return { kind: "nothing" };
    }
    this.running = new AbortController();
    try {
      return await this.ask(this.running);
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
      void vscode.window.showInformationMessage("Installing was cancelled. Nothing was kept.");
      return { kind: "nothing" };
    } finally {
      this.running = undefined;
    }
  }

  /** The editor ends: what runs, ends too. */
  dispose(): void {
    this.running?.abort();
  }

  private async ask(cancel: AbortController): Promise<Ending> {
    const location = vscode.ProgressLocation.Window;
    const found = await vscode.window.withProgress({ location, title: "exBERT: looking for Python" }, () =>
      examineAll(findInterpreters(this.home), this.cwd),
    );
    const base = baseFor(found);
    const targets = targetsOf(found);
    if (base === undefined && targets.length === 0) throw noBase(found);
    const wanted = readSettings().install;
    const into = targets.map((target) => ({ title: `Install into ${nameOf(target)}`, target }));
    const buttons = [...(base === undefined ? [] : [MAKE]), ...into.map(({ title }) => title), CHOOSE];
    const detail = describe(base, this.home, wanted.torchIndex !== "");
    const answer = await vscode.window.showInformationMessage(
      "Install what exBERT needs?",
      { modal: true, detail },
      ...buttons,
    );
    if (answer === undefined) return { kind: "nothing" };
    if (answer === CHOOSE) return { kind: "choose" };
    const target = into.find(({ title }) => title === answer)?.target.interpreter.path;
    const python = await this.show(cancel, async (watcher) => {
      if (target === undefined)
        return await makeEnvironment(base === undefined ? "" : pathOf(base), this.home, wanted, watcher);
      await install(target, this.cwd, wanted, watcher);
      return target;
    });
    return { kind: "installed", python, isOwn: target === undefined };
  }

  private show(cancel: AbortController, work: (watcher: Watcher) => Promise<string>): Thenable<string> {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: "Installing exBERT",
      cancellable: true,
    };
    return vscode.window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => cancel.abort());
      return work({
        signal: cancel.signal,
        onStep: (message) => progress.report({ message }),
        log: (line) => this.log.info(line),
      });
    });
  }
}

function describe(base: Examined | undefined, home: string, isForCpu: boolean): string {
  const { torch, libraries, carriers, onDisk, torchWithCuda, onDiskWithCuda } = SIZES;
  const size = (bytes: number): string =>
    bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  const own =
    base === undefined
      ? []
      : [
          `An environment of its own is made with ${shortPath(pathOf(base), homedir())}, in ${shortPath(home, homedir())}. No other Python is changed.`,
        ];
  const isLarge = !isForCpu && process.platform === "linux";
  const pytorch = isLarge ? `PyTorch, with CUDA up to ${size(torchWithCuda)}` : `PyTorch for CPUs ${size(torch)}`;
  const all = (isLarge ? torchWithCuda : torch) + libraries + carriers;
  const sizes = [
    `To download: about ${size(all)} (${pytorch}, libraries ${size(libraries)}, a small model and an English pipeline ${size(carriers)}). On disk: ${size(isLarge ? onDiskWithCuda : onDisk)}.`,
  ];
  return [...own, ...sizes, "You can cancel at any time."].join("\n\n");
}

/** The environment's folder as a person knows it: the last part that is not the interpreter's. */
function nameOf({ interpreter }: Examined): string {
  return interpreter.path.split(/[\\/]/).at(-3) ?? interpreter.path;
}
