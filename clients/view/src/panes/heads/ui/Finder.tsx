/** Finds heads by what they do: a field, and the strongest heads as buttons. */
import { useId } from "preact/hooks";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import type { Found } from "../logic/find";
import type { Measure } from "../logic/measures";

const MOST_FOUND = 6;

function Results(props: { readonly found: Found; readonly typed: string }) {
  const controller = useController();
  const { found, typed } = props;
  const chosen = useApp((s) => s.view.chosenHead);
  const shown = found.heads.slice(0, MOST_FOUND);
  return (
    <div class="actions" role="group" aria-label="Heads that were found">
      <span class="muted" role="status">
        {shown.length === 0
          ? `No head does or looks at “${typed}”.`
          : found.measure === null
            ? `${found.heads.length} ${found.heads.length === 1 ? "head says" : "heads say"} “${typed}”:`
            : `most ${found.measure.name}:`}
      </span>
      {shown.map(({ layer, head, value }) => (
        <button
          key={`${layer}:${head}`}
          type="button"
          class="chip"
          title={`Show what head ${layer}.${head} does`}
          aria-pressed={chosen?.layer === layer && chosen.head === head}
          onClick={() => controller.update({ chosenHead: { layer, head }, headTopic: null })}
        >
          head {layer}.{head}
          {value !== null && <b> {value.toFixed(2)}</b>}
        </button>
      ))}
    </div>
  );
}

export function Finder(props: { readonly measures: readonly Measure[]; readonly found: Found | null }) {
  const controller = useController();
  const typed = useApp((s) => s.view.headQuery);
  const names = useId();
  return (
    <>
      <div class="options">
        <label class="field">
          <span class="field-label">find heads that do</span>
          <input
            type="text"
            size={26}
            list={names}
            value={typed}
            placeholder="induction, det, a word …"
            title="The name of a measure or a role, or a word that heads look at"
            onInput={(event) => controller.update({ headQuery: event.currentTarget.value })}
          />
        </label>
        <datalist id={names}>
          {props.measures.map(({ id, name }) => (
            <option key={id} value={name} />
          ))}
        </datalist>
        {typed !== "" && (
          <Button kind="link" onClick={() => controller.update({ headQuery: "" })}>
            clear
          </Button>
        )}
      </div>
      {props.found !== null && <Results found={props.found} typed={typed} />}
    </>
  );
}
