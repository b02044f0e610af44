import { describe, expect, it, vi } from "vitest";
import { Shell } from "../src/shell";

vi.mock("@lumino/widgets", () => ({ SplitPanel: class {} }));

const signal = () => {
  const slots: (() => void)[] = [];
  return { connect: (slot: () => void) => slots.push(slot), fire: () => slots.forEach((slot) => slot()) };
};
const widget = (id: string) => ({ id, parent: null, activate: vi.fn() });

describe("the panel", () => {
  it("stands right of the document in JupyterLab's main area", () => {
    const lab = { add: vi.fn(), layoutModified: signal(), widgets: () => [] };
    new Shell(lab as never, lab as never).addPanel(widget("panel") as never, widget("notes") as never);
    expect(lab.add).toHaveBeenCalledWith(expect.anything(), "main", { mode: "split-right", ref: "notes" });
  });

  it("stands in the side bar in Jupyter Notebook, whose main area takes one document, and gets the focus", () => {
    vi.stubGlobal("requestAnimationFrame", (run: () => void) => run());
    const panel = widget("panel");
    const notebook = {
      add: vi.fn(),
      activateById: vi.fn(),
      widgets: (area: string) => (area === "right" ? [panel] : []),
    };
    const shell = new Shell(notebook as never, null);
    expect(shell.isSingle).toBe(true);
    shell.addPanel(panel as never, widget("notes") as never);
    expect(notebook.add).toHaveBeenCalledWith(panel, "right", expect.anything());
    shell.activate("panel");
    expect(notebook.activateById).toHaveBeenCalledWith("panel");
    expect(panel.activate).toHaveBeenCalled();
    vi.unstubAllGlobals();
  });
});

describe("a change of what is open", () => {
  it("is heard of in JupyterLab by its layout, in Jupyter Notebook by its document", () => {
    const heard = vi.fn();
    const lab = { layoutModified: signal(), currentChanged: signal() };
    new Shell(lab as never, lab as never).onLayout(heard);
    lab.currentChanged.fire();
    expect(heard).not.toHaveBeenCalled();
    lab.layoutModified.fire();
    expect(heard).toHaveBeenCalledTimes(1);
    const notebook = { currentChanged: signal() };
    new Shell(notebook as never, null).onLayout(heard);
    notebook.currentChanged.fire();
    expect(heard).toHaveBeenCalledTimes(2);
  });
});
