/** The pane before any text: what can be seen, and an example that shows it. */
import { useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { EXAMPLE } from "./example";

export function Welcome() {
  const controller = useController();
  return (
    <div class="empty welcome">
      <p class="empty-title">See which tokens a model attends to.</p>
      <dl>
        <dt>Attention</dt>
        <dd>which tokens each token looks at, in every head of the model</dd>
        <dt>Contexts</dt>
        <dd>pin a token: places in your own texts that a head treats alike</dd>
        <dt>Summary</dt>
        <dd>what these places share, against how often it occurs anyway</dd>
      </dl>
      <Button
        kind="primary"
        title={`Reads “${EXAMPLE.text}” and pins “${EXAMPLE.word}”`}
        onClick={() => controller.parts.attention.tryExample()}
      >
        Try an example
      </Button>
      {controller.host.isAlone === true ? (
        <p>
          For your own text, choose <b>type a text</b> above.
        </p>
      ) : (
        <p>
          For your own text, select a sentence in your editor and run <b>exBERT: Explore Selection</b>, or type one
          above.
        </p>
      )}
    </div>
  );
}
