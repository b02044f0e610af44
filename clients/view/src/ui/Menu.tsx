/** Export, copy, restore: a menu button as WAI-ARIA describes it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Action } from "../pane";
import { menuActions } from "./actions";
import { useController } from "./context";
import { Button } from "./controls";
import { moveFocus } from "./roving";

function RestoreDialog(props: { readonly onClose: () => void }) {
  const controller = useController();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  const go = () => {
    if (controller.paste(text)) props.onClose();
    else setWrong(true);
  };
  return (
    <dialog ref={dialog} class="dialog" aria-label="Restore a view" onClose={props.onClose}>
      <p>
        <b>Restore a view</b>
      </p>
      <p class="muted">
        Paste a copied link or the JSON of a view: text, model, layer, heads, pinned token, search and filters are
        restored.
      </p>
      <textarea
        aria-label="Link or JSON"
        rows={6}
        value={text}
        aria-invalid={wrong}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
      />
      {wrong && (
        <p class="failed-message" role="alert">
          This is neither a link nor the JSON of a view.
        </p>
      )}
      <div class="actions">
        <Button kind="primary" onClick={go} disabled={text.trim() === ""}>
          Restore
        </Button>
        <Button onClick={props.onClose}>Cancel</Button>
      </div>
    </dialog>
  );
}

export function Menu() {
  const controller = useController();
  const [open, setOpen] = useState(false);
  const [restoring, setRestoring] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    box.current?.querySelector<HTMLElement>("[role=menuitem]:not(:disabled)")?.focus();
    const outside = (event: Event) => {
      if (!event.composedPath().includes(box.current as EventTarget)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      setOpen(false);
      button.current?.focus();
    } else moveFocus(event);
  };
  const run = (action: Action) => {
    setOpen(false);
    button.current?.focus();
    action.run();
  };
  return (
    <div class="menu-anchor" ref={box}>
      <button
        ref={button}
        type="button"
        class="button plain"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label="Export, copy and restore"
        title="Export, copy and restore"
        onClick={() => setOpen(!open)}
      >
        ⋯
      </button>
      {open && (
        <div class="menu" role="menu" aria-label="Export, copy and restore" onKeyDown={keys}>
          {menuActions(controller, () => setRestoring(true)).map((action) => (
            <button
              key={action.text}
              type="button"
              role="menuitem"
              data-roving
              tabIndex={-1}
              class={action.separated ? "separated" : ""}
              disabled={action.disabled}
              onClick={() => run(action)}
            >
              {action.text}
            </button>
          ))}
        </div>
      )}
      {restoring && <RestoreDialog onClose={() => setRestoring(false)} />}
    </div>
  );
}
