/**
 * What a cell's output holds of the view: this small script, which asks the kernel for the view's script and style sheet,
 * once for all cells of a page. (They are larger than a notebook should be.)
 */
import { type KernelModel, listen, tell } from "./kernelModel";

interface Cell {
  render(model: KernelModel, element: HTMLElement): () => void;
}

interface Fetched {
  readonly cell: Cell;
  readonly css: string;
}

const PATIENCE_MS = 3_000;
const BUSY = "Waiting for the kernel: it runs another cell, or has ended. Then run this cell again.";

/** One for each version, on the page: cells of several notebooks may stand in it. */
const pages = globalThis as unknown as Record<string, Promise<Fetched> | undefined>;

function fetched(model: KernelModel): Promise<Fetched> {
  const name = `exbert-cell-${String(model.get("version"))}`;
  pages[name] ??= ask(model);
  return pages[name];
}

function ask(model: KernelModel): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const stop = listen(model, (message, [script, css]) => {
      if (message.kind !== "script") return;
      stop();
      load(script, css).then(resolve, reject);
    });
    tell(model, { kind: "script" });
  });
}

async function load(script: DataView | ArrayBuffer, css: DataView | ArrayBuffer): Promise<Fetched> {
  const read = new TextDecoder();
  const url = URL.createObjectURL(new Blob([read.decode(script)], { type: "text/javascript" }));
  try {
    return { cell: (await import(url)) as Cell, css: read.decode(css) };
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function render({ model, el }: { model: KernelModel; el: HTMLElement }): Promise<() => void> {
  el.textContent = "Loading exBERT …";
  const timer = setTimeout(() => {
    el.textContent = BUSY;
  }, PATIENCE_MS);
  try {
    const { cell, css } = await fetched(model);
    const style = document.createElement("style");
    style.textContent = css;
    el.replaceChildren(style);
    return cell.render(model, el);
  } catch (error) {
    el.textContent = `exBERT cannot be drawn: ${error instanceof Error ? error.message : String(error)}`;
    return () => {};
  } finally {
    clearTimeout(timer);
  }
}

export default { render };
