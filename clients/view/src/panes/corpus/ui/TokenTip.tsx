/** What is known of one token of a context, beside it. */
import { useLayoutEffect, useRef } from "preact/hooks";
import * as format from "../../../logic/format";
import { annotationOf, NONE } from "../../../logic/labels";
import type { Hit } from "../../../protocol";
import type { Cursor } from "./HitRow";

export function TokenTip(props: {
  readonly hit: Hit;
  readonly cursor: Cursor;
  readonly container: { readonly current: HTMLElement | null };
}) {
  const { hit, cursor, container } = props;
  const tip = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = container.current;
    const target = box?.querySelector(`[data-hit="${cursor.hit}"] [data-token="${cursor.token}"]`);
    const frame = tip.current?.offsetParent?.getBoundingClientRect();
    if (target === null || target === undefined || tip.current === null || frame === undefined) return;
    const place = target.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = tip.current;
    const left = Math.max(0, Math.min(place.left - frame.left, frame.width - offsetWidth));
    const below = place.bottom - frame.top + 4;
    const top = below + offsetHeight > frame.height ? place.top - frame.top - offsetHeight - 4 : below;
    tip.current.style.left = `${left}px`;
    tip.current.style.top = `${top}px`;
  });
  const token = hit.tokens[cursor.token];
  if (token === undefined) return null;
  const facts = (["pos", "tag", "dep", "entity"] as const).filter((key) => annotationOf(token, key) !== NONE);
  const names = { pos: "POS", tag: "TAG", dep: "DEP", entity: "ENT" };
  return (
    <div ref={tip} class="tip" role="status">
      <b>{token.text}</b>
      {cursor.token === hit.target && <span>what the match attends to most</span>}
      {facts.map((key) => (
        <span key={key}>
          <span class="muted">{names[key]}</span> {token[key]}
        </span>
      ))}
      <span>
        <span class="muted">attention from the match</span> {format.weight(hit.attention.outgoing[cursor.token])}
        <span class="muted"> · to it</span> {format.weight(hit.attention.incoming[cursor.token])}
      </span>
    </div>
  );
}
