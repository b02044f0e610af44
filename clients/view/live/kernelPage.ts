/** A page to send, made by the kernel of a widget. */
import type { SavedFile } from "../src/host";
import { type KernelModel, listen, tell } from "./kernelModel";

/** Resolves with the page; rejects with the kernel's reason. */
export function pageFromKernel(model: KernelModel, state: object): Promise<SavedFile> {
  const id = crypto.randomUUID();
  return new Promise((resolve, reject) => {
    const stop = listen(model, (message, [page]) => {
      if (message.kind !== "page" || message.id !== id) return;
      stop();
      if (message.error !== undefined) reject(new Error(message.error));
      else resolve({ name: "exbert.html", mime: "text/html", data: new TextDecoder().decode(page) });
    });
    tell(model, { kind: "page", id, state });
  });
}
