/** Says why one head is on show that nobody chose. */
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { openedHead } from "./firstLook";

export function OpenedNote() {
  const controller = useController();
  const opened = useApp(openedHead);
  if (opened === null) return null;
  const where = opened.corpus === undefined ? "in this text" : `in “${opened.corpus}”`;
  const why =
    opened.isExample === true
      ? "it looks from a verb to the “to” before it."
      : `of the heads that attend to words, its pattern is the clearest ${where}.`;
  return (
    <p class="opened-note" role="note">
      <span>
        Opened at head {opened.layer}.{opened.head} (layer.head): {why}
      </span>{" "}
      <Button
        kind="link"
        title={`Draw the mean of all heads of layer ${opened.layer}`}
        onClick={() => controller.update({ heads: null, firstLook: null })}
      >
        show all heads
      </Button>
    </p>
  );
}
