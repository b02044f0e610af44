/** Which relation is searched for: the pinned token, the head, and what it attends to. */
import { nameOf, queryToken } from "../../../app";
import * as format from "../../../logic/format";
import { useApp, useController } from "../../../ui/context";
import { Button, Select } from "../../../ui/controls";
import { Empty } from "../../../ui/states";
import {
  relationOf,
  relationTarget,
  type Seen,
  strongestRelation,
  type TargetChoice,
  targetChoices,
} from "../relation";

export const RELATION_TITLE =
  "Finds pairs of tokens between which this head draws the same relation. Both ends are compared, not only the one that " +
  "attends.";

/** Computes from what a relation is read from, again only when that changes: not whenever the pointer moves. */
export function useSeen<T>(compute: (seen: Seen) => T): T {
  return compute(
    useApp(({ view, capture, layer, layerShown, weightsShown }) => ({
      view,
      capture,
      layer,
      layerShown,
      weightsShown,
    })),
  );
}

/** “to 0.91”; repeated words say which one. */
function choiceName({ token, weight }: TargetChoice, all: readonly TargetChoice[]): string {
  const name = nameOf([token]);
  const twice = all.filter((other) => nameOf([other.token]) === name).length > 1;
  return `${name}${twice ? ` (token ${token.index})` : ""}${weight === null ? "" : ` ${format.weight(weight)}`}`;
}

/** The two ends, while a relation is searched for; the second can be chosen. */
export function RelationBar() {
  const controller = useController();
  const relation = useSeen(relationOf);
  const choices = useSeen(targetChoices);
  if (relation === null) return null;
  const { layer, head, source, target } = relation;
  return (
    <div class="options relation-bar" role="group" aria-label="The relation that is searched for">
      <span class="muted">
        in head {layer}.{head},
      </span>
      <b class="piece match">{nameOf([source])}</b>
      <Select
        label="attends to"
        showLabel
        title="The other end of the pair; the strongest attention comes first."
        value={String(target.index)}
        choices={choices.map((one) => ({ value: String(one.token.index), text: choiceName(one, choices) }))}
        onChange={(value) => controller.update({ relationTo: Number(value), bar: null })}
      />
    </div>
  );
}

/** A relation is asked for, but several heads are chosen: which one draws it is open. */
export function WhichHead() {
  const controller = useController();
  const asked = useApp((s) => queryToken(s) !== null && relationTarget(s) !== null && relationOf(s) === null);
  const strongest = useSeen(strongestRelation);
  if (!asked) return null;
  return (
    <Empty title="A relation belongs to one head">
      <p>Select one head of the encoder, and what it attends to is compared as well.</p>
      {strongest !== null && (
        <Button onClick={() => controller.update({ ...strongest, bar: null })}>
          Select head {strongest.heads?.[0]}, which attends most to one token
        </Button>
      )}
    </Empty>
  );
}
