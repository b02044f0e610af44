/** The two passes: what each is, and what can be done with it. */
import type { Capture } from "../../../app";
import { type Pass, pinnable } from "../../../control/passes";
import * as format from "../../../logic/format";
import type { Token } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { pinShown } from "../actions";
import { obviousPartners, passName, sameAsShown } from "../logic/passes";

function Name(props: { readonly letter: string; readonly pass: Pass; readonly tokens: readonly Token[] | null }) {
  const { text, model, changes } = passName(props.pass, props.tokens);
  return (
    <p class="pass-name">
      <b class="pass-letter">{props.letter}</b>
      <span class="pass-text" title={text}>
        {format.shortened(text, 90)}
      </span>
      <span class="muted">{[model, ...changes].filter((part) => part !== "").join(" · ")}</span>
    </p>
  );
}

function Swap(props: { readonly pinned: Pass; readonly capture: Capture }) {
  const controller = useController();
  const { pinned, capture } = props;
  const swap = () => {
    controller.update({ compareWith: pinnable(capture) });
    controller.show(pinned);
  };
  return (
    <Button onClick={swap} title="Look at A, and pin B">
      Swap A and B
    </Button>
  );
}

/** Pass A and pass B, or how to get them. */
export function Passes(props: { readonly capture: Capture }) {
  const controller = useController();
  const { capture } = props;
  const { pinned, held } = useApp((s) => ({ pinned: s.view.compareWith, held: s.pinnedCapture }));
  if (pinned === null) return null;
  return (
    <div class="passes">
      <Name letter="A" pass={pinned} tokens={held?.tokens ?? capture.tokens} />
      <Name letter="B" pass={pinnable(capture)} tokens={capture.tokens} />
      <div class="actions">
        <Swap pinned={pinned} capture={capture} />
        {!sameAsShown(pinned, capture) && (
          <Button onClick={() => pinShown(controller)} title="What is shown now becomes A">
            Pin B as A
          </Button>
        )}
        <Button
          kind="link"
          title="Compare with nothing: take A out"
          onClick={() => controller.update({ compareWith: null })}
        >
          unpin
        </Button>
      </div>
    </div>
  );
}

/** One click to a comparison that is at hand. */
export function Partners(props: { readonly capture: Capture }) {
  const controller = useController();
  return (
    <>
      {obviousPartners(props.capture).map(({ name, pass }) => (
        <Button key={name} kind="primary" onClick={() => controller.update({ compareWith: pass })}>
          Compare with {name}
        </Button>
      ))}
    </>
  );
}
