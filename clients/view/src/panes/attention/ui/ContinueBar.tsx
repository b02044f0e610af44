/** Lets an autoregressive model write on, or takes what it wrote away. */
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { isBusy } from "../../../ui/states";

const MORE = 8;
/** Tokens that the server writes for one request. */
const MOST = 256;

/** Why the model cannot go on; null when it can. */
export function ending(generated: number, room: number, ended: boolean): string | null {
  if (ended) return "The model ended its text.";
  if (generated + MORE > MOST) return `At most ${MOST} tokens are written.`;
  return room < MORE ? "The model takes no longer text." : null;
}

export function ContinueBar() {
  const controller = useController();
  const { capture, asked, busy } = useApp((s) => ({
    capture: s.capture,
    asked: s.view.generate,
    busy: isBusy(s.attend),
  }));
  if (capture === null || capture.model.kind !== "autoregressive" || !capture.model.hasLmHead) return null;
  const { tokens, model } = capture;
  const written = tokens.filter((token) => token.generated === true).length;
  const reason = ending(asked, model.maxTokens - tokens.length, written < asked);
  return (
    <div class="continue-bar" role="group" aria-label="Continuation">
      <Button
        onClick={() => controller.setGenerated(asked + MORE)}
        disabled={busy || reason !== null}
        title={reason ?? `Let the model write the ${MORE} likeliest tokens, one after the other`}
      >
        continue
      </Button>
      {written > 0 && <span class="muted">{written} tokens by the model</span>}
      {asked > 0 && (
        <Button kind="link" onClick={() => controller.setGenerated(0)} disabled={busy}>
          remove them
        </Button>
      )}
      {reason !== null && <span class="muted">{reason}</span>}
    </div>
  );
}
