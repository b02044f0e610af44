/** One head: what it does in words, its roles, distances and words, and where to see it. */
import { useEffect, useRef } from "preact/hooks";
import { queryToken } from "../../../app";
import * as format from "../../../logic/format";
import type { HeadProfile, Hit, Relation, Role, VocabularyWord } from "../../../protocol";
import type { ViewState } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { toJson } from "../../../ui/exports";
import { lineOf } from "../../corpus/hits";
import { offsetName } from "../logic/measures";
import { roleName, roleTitle, SIGNIFICANT, strongRoles } from "../logic/roles";
import { shownTopic, topicsOf, wordId } from "../logic/topics";
import { Examples } from "./Examples";

const MOST_ROLES = 7;
const MOST_RELATIONS = 4;
/** Pixels of a card that show what it is. */
const LEAST_IN_SIGHT = 120;

const percent = (share: number) => `${(100 * share).toFixed(share < 0.095 ? 1 : 0)}\u00a0%`;

function Facts(props: { readonly profile: HeadProfile }) {
  const { entropy, special, firstToken, induction, duplicateToken, previousToken } = props.profile;
  const facts: readonly (readonly [string, number | null])[] = [
    ["entropy", entropy],
    ["special tokens", special],
    ["first token", firstToken],
    ["induction", induction],
    ["duplicate token", duplicateToken],
    ["previous token, random text", previousToken],
  ];
  return (
    <p class="muted head-facts">
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <span key={name}>
            {name} <b>{(value as number).toFixed(2)}</b>
          </span>
        ))}
    </p>
  );
}

function RoleBar(props: { readonly role: Role; readonly scale: number }) {
  const { role, scale } = props;
  const { mass, expected, lift, low, high } = role;
  const at = (value: number) => `${Math.min(100, Math.max(0, (100 * value) / scale))}%`;
  const interval = low === null || high === null ? null : { from: low * expected, to: high * expected };
  const spoken =
    `${roleName(role)}: ${percent(mass)} of attention, ${percent(expected)} expected from its distances` +
    (interval === null ? "" : `, 95 % interval ${percent(interval.from)} to ${percent(interval.to)}`) +
    `, ${role.n} pairs`;
  return (
    <li class="role-bar" title={`${roleTitle(role)}. ${spoken}`}>
      <span class="hidden">{spoken}</span>
      <span class="bar-label" aria-hidden="true">
        {roleName(role)}
      </span>
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ width: at(mass) }} />
        {interval !== null && (
          <span
            class="bar-interval"
            style={{ left: at(interval.from), right: `calc(100% - ${at(interval.to)})`, minWidth: "3px" }}
          />
        )}
        <span class="bar-tick" style={{ left: at(expected) }} />
      </span>
      <span class="role-numbers" aria-hidden="true">
        {mass.toFixed(2)} <span class="muted">({expected.toFixed(2)})</span>
      </span>
      <span class="bar-lift sure" aria-hidden="true">
        {lift === null ? "new" : `${lift.toFixed(1)}×`}
      </span>
    </li>
  );
}

function Roles(props: { readonly profile: HeadProfile }) {
  const roles = strongRoles(props.profile).slice(0, MOST_ROLES);
  if (roles.length === 0)
    return <p class="muted">No role has more attention than the head's distances give it (q &lt; 0.05).</p>;
  const scale = Math.max(...roles.map(({ mass, expected, high }) => Math.max(mass, expected * Math.min(high ?? 1, 2))));
  return (
    <>
      <ul class="role-bars">
        {roles.map((role) => (
          <RoleBar key={roleName(role)} role={role} scale={Math.min(1, scale)} />
        ))}
      </ul>
      <p class="legend">
        attention of the pairs · <span class="legend-tick" aria-hidden="true" /> expected from the head's distances ·{" "}
        <span class="legend-interval" aria-hidden="true" /> 95 % interval over documents · × lift
      </p>
    </>
  );
}

function Relations(props: { readonly relations: readonly Relation[] }) {
  const shown = [...props.relations]
    .filter(({ qValue, accuracy, baseline }) => qValue < SIGNIFICANT && accuracy > baseline)
    .sort((a, b) => b.accuracy - b.baseline - (a.accuracy - a.baseline))
    .slice(0, MOST_RELATIONS);
  if (shown.length === 0) return null;
  return (
    <>
      <h4>
        Finds the other word <span class="muted">how often its strongest attention does; the best distance alone</span>
      </h4>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">relation</th>
            <th scope="col">found</th>
            <th scope="col">best distance</th>
            <th scope="col">words</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={`${one.relation}${one.direction}`}>
              <th scope="row">{roleName({ role: one.relation, direction: one.direction })}</th>
              <td title={`95 % interval ${percent(one.low)} to ${percent(one.high)}`}>{percent(one.accuracy)}</td>
              <td>
                {percent(one.baseline)} <span class="muted">({offsetName(one.offset)})</span>
              </td>
              <td>{one.n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Attention at each distance; what is farther away stands at both ends. */
function Offsets(props: { readonly profile: HeadProfile }) {
  const all = [...props.profile.beyond, ...props.profile.offsets].sort((a, b) => a.offset - b.offset);
  if (all.length === 0) return null;
  const ends = new Set(props.profile.beyond.map(({ offset }) => offset));
  const most = Math.max(...all.map(({ mass }) => mass), 1e-9);
  return (
    <>
      <h4>
        Distances <span class="muted">mean attention to the token so many places away, at most {percent(most)}</span>
      </h4>
      <ul class="offsets">
        {all.map(({ offset, mass, share }) => {
          const name = ends.has(offset) ? (offset < 0 ? "farther back" : "farther ahead") : offsetName(offset);
          const text = ends.has(offset) ? (offset < 0 ? "…" : "…") : String(offset);
          return (
            <li key={offset} title={`${name}: ${percent(mass)} of attention, strongest in ${percent(share)} of rows`}>
              <span class="hidden">{`${name}: ${percent(mass)}`}</span>
              <span class="offset-bar" aria-hidden="true" style={{ height: `${(40 * mass) / most}px` }} />
              <span aria-hidden="true">{text}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Vocabulary(props: { readonly words: readonly VocabularyWord[] }) {
  const controller = useController();
  const topic = useApp((s) => s.view.headTopic);
  const { words } = props;
  if (words.length === 0) return null;
  const most = Math.log(Math.max(2, ...words.map(({ lift }) => lift)));
  return (
    <>
      <h4>
        Words it looks at <span class="muted">times as often as at other words; click to see examples</span>
      </h4>
      <p class="vocabulary">
        {words.map(({ word, lift, low, n }) => (
          <button
            key={word}
            type="button"
            aria-pressed={topic === wordId(word)}
            title={`${Math.round(lift)} times as often as at other words (at least ${low.toFixed(1)}), ${n} times in the corpus`}
            style={{ fontSize: `${(0.9 + (0.5 * Math.log(Math.max(1, lift))) / most).toFixed(2)}em` }}
            onClick={() => controller.update({ headTopic: wordId(word) })}
          >
            {word} <small class="muted">{lift >= 10 ? Math.round(lift) : lift.toFixed(1)}×</small>
          </button>
        ))}
      </p>
    </>
  );
}

/** A sentence in which the head does it, for people who have no text on show. */
function useExample(): Hit | null {
  const { examples, topic } = useApp((s) => ({ examples: s.headExamples, topic: s.view.headTopic }));
  return examples === null ? null : (shownTopic(topicsOf(examples), topic)?.hits[0] ?? null);
}

/** What can be done with the head: in the text on show, or else in its first example. */
function Doors(props: { readonly profile: HeadProfile }) {
  const controller = useController();
  const { hasText, hasQuery } = useApp((s) => ({ hasText: s.capture !== null, hasQuery: queryToken(s) !== null }));
  const example = useExample();
  const { profile } = props;
  const { layer, head } = profile;
  const look = { stack: "encoder", layer, heads: [head] } as const;
  const exploreExample = (change: Partial<ViewState>) => {
    if (example === null) return;
    const label = `${format.shortUri(example.document)}:${lineOf(example)}`;
    controller.explore({ input: { text: example.sentence.text }, label }, example.match, { ...look, ...change });
  };
  const search = () =>
    hasQuery
      ? controller.update({ ...look, space: "headOutput", pane: "corpus" })
      : exploreExample({ space: "headOutput", pane: "corpus" });
  const off = () => (hasText ? controller.update({ pane: "effect" }) : exploreExample({ pane: "effect" }));
  const show = () =>
    hasText ? controller.update({ ...look, pane: "attention" }) : exploreExample({ pane: "attention" });
  const where = hasText ? "in the text above" : "in its first example";
  return (
    <div class="actions">
      {(hasText || example !== null) && (
        <>
          <Button onClick={off} title={`What changes ${where} without this head`}>
            What if it were off?
          </Button>
          <Button onClick={show} title={`Its attention ${where}`}>
            Show it in the text
          </Button>
        </>
      )}
      {(hasQuery || example !== null) && (
        <Button
          onClick={search}
          title={`Contexts in which this head does the same as ${hasQuery ? "at the pinned token" : "in its first example"}`}
        >
          Search contexts like this
        </Button>
      )}
      <Button title="Copy all numbers of this card" onClick={() => void controller.copy(toJson(profile), "Profile")}>
        Copy as JSON
      </Button>
    </div>
  );
}

/** Where map and card stand below each other, a head is chosen out of sight of its card. */
function useInSight(key: string) {
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    const box = card.current?.getBoundingClientRect();
    if (box === undefined || (box.top < window.innerHeight - LEAST_IN_SIGHT && box.bottom > LEAST_IN_SIGHT)) return;
    // by hand: scrollIntoView would move the frame around the panes as well
    const scroller = card.current?.closest(".panes");
    if (scroller) scroller.scrollTop += box.top - scroller.getBoundingClientRect().top;
  }, [key]);
  return card;
}

export function HeadCard(props: { readonly profile: HeadProfile }) {
  const { profile } = props;
  const { layer, head, findings } = profile;
  const controller = useController();
  const card = useInSight(`${layer}.${head}`);
  return (
    <article class="head-card" ref={card} aria-labelledby="exbert-head-card">
      <div class="pane-head">
        <h3 id="exbert-head-card">
          Head {layer}.{head}
        </h3>
        <span class="muted">
          layer {layer}, head {head}
        </span>
        <span class="spring" />
        <Button
          kind="link"
          title="Close the card of this head"
          onClick={() => controller.update({ chosenHead: null, headTopic: null })}
        >
          close
        </Button>
      </div>
      <ul class="findings">
        {findings.map((finding) => (
          <li key={finding}>{finding.replaceAll(" %", "\u00a0%")}</li>
        ))}
        {findings.length === 0 && <li>Nothing of this head stands out in this corpus.</li>}
      </ul>
      <Facts profile={profile} />
      <Doors profile={profile} />
      <Vocabulary words={profile.vocabulary} />
      <h4>Roles</h4>
      <Roles profile={profile} />
      <Relations relations={profile.relations} />
      <Examples layer={layer} head={head} />
      <Offsets profile={profile} />
    </article>
  );
}
