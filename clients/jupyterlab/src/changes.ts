/** Which open documents change: hits in them are marked at once. */
import { DocumentWidget } from "@jupyterlab/docregistry";
import type { Shell } from "./shell";

/** Calls with the path of a document whose contents changed in its editor. */
export function watchDocuments(shell: Shell, onChange: (path: string) => void): void {
  const watched = new WeakSet<object>();
  const look = () => {
    for (const widget of shell.documents) {
      if (!(widget instanceof DocumentWidget) || watched.has(widget.context)) {
        continue;
      }
      const { context } = widget;
      watched.add(context);
      const tell = () => onChange(context.path.replace(/^[^/]*:/, ""));
      // loading sets the contents too
      void context.ready.then(() => context.model.contentChanged.connect(tell));
    }
  };
  shell.onLayout(look);
  look();
}
