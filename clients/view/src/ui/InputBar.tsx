/** The explored text, its origin, and a way to enter another one. */
import { useState } from "preact/hooks";
import { useApp, useController } from "./context";
import { Button, Check } from "./controls";
import { Menu } from "./Menu";

function Editor(props: { readonly text: string; readonly pair: string; readonly onClose: () => void }) {
  const controller = useController();
  const [text, setText] = useState(props.text);
  const [pair, setPair] = useState(props.pair);
  const go = () => {
    if (text.trim() === "") return;
    controller.select({ input: pair === "" ? { text } : { text, textPair: pair }, label: "typed here" });
    props.onClose();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      go();
    }
    if (event.key === "Escape") props.onClose();
  };
  return (
    <form
      class="input-editor"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <textarea
        aria-label="Text to explore"
        placeholder="A sentence or two …"
        rows={2}
        value={text}
        ref={(element) => {
          if (element !== null && element.dataset.seen === undefined) {
            element.dataset.seen = "";
            element.focus();
          }
        }}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <textarea
        aria-label="Second segment, optional"
        placeholder="second segment of a pair (optional)"
        rows={1}
        value={pair}
        onInput={(event) => setPair(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <div class="actions">
        <Button kind="primary" onClick={go} disabled={text.trim() === ""}>
          Explore
        </Button>
        <Button onClick={props.onClose}>Cancel</Button>
        <span class="muted">Enter: explore · Shift+Enter: new line</span>
      </div>
    </form>
  );
}

export function InputBar() {
  const controller = useController();
  const { input, label, text, pair, source, asProse } = useApp((s) => ({
    source: s.view.source,
    asProse: s.view.asProse,
    input: s.view.input,
    label: s.view.label,
    text: s.view.input !== null && "text" in s.view.input ? s.view.input.text : (s.capture?.text ?? ""),
    pair: s.view.input !== null && "text" in s.view.input ? (s.view.input.textPair ?? "") : "",
  }));
  const [open, setOpen] = useState(false);
  if (open) return <Editor text={text} pair={pair} onClose={() => setOpen(false)} />;
  if (input === null) {
    return (
      <div class="input-bar">
        {controller.host.isAlone !== true && (
          <span class="muted">Select text in the editor and run “exBERT: Explore Selection”, or</span>
        )}
        <Button title="Enter a text to explore" onClick={() => setOpen(true)}>
          type a text
        </Button>
        <span class="spring" />
        <Menu />
      </div>
    );
  }
  return (
    <div class="input-bar">
      {label !== "" && (
        <span class="input-label" title={label}>
          {label}
        </span>
      )}
      <span class="input-text" title={text}>
        {text}
        {pair !== "" && <span class="muted"> + {pair}</span>}
      </span>
      <Button
        kind="link"
        onClick={() => setOpen(true)}
        label="edit the text"
        title="Edit the text, or type another one"
      >
        edit
      </Button>
      {source !== null && (
        <Check
          label="as prose"
          title="Leave Markdown's markup out of what the model reads; tokens keep their places in the source"
          checked={asProse}
          onChange={(on) => controller.setProse(on)}
        />
      )}
      <span class="spring" />
      <Menu />
    </div>
  );
}
