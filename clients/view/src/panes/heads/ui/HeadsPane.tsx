/** What each head does everywhere: the map, and beside it the card of the chosen head. */
import { useMemo } from "preact/hooks";
import { inkOf } from "../../../draw/ink";
import * as format from "../../../logic/format";
import type { HeadProfile, ProfileResult } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button, Select } from "../../../ui/controls";
import { HeadMap } from "../../../ui/HeadMap";
import { Busy, CommandButton, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { findHeads } from "../logic/find";
import { legendOf, MOST, mapCells, measuresOf, strongest } from "../logic/measures";
import { Finder } from "./Finder";
import { HeadCard } from "./HeadCard";

/** What JSON-RPC answers for a method that the server does not have. */
const METHOD_NOT_FOUND = -32601;

function Missing() {
  const controller = useController();
  const { profiling, corpus, corporaStatus } = useApp((s) => ({
    profiling: s.profiling,
    corpus: s.view.corpus,
    corporaStatus: s.corporaStatus,
  }));
  if (isBusy(profiling))
    return (
      <Busy
        what="Adding up what heads do …"
        progress={profiling.progress}
        onCancel={() => controller.parts.heads.cancel()}
      />
    );
  if (isFailed(profiling) && profiling.error.code === METHOD_NOT_FOUND)
    return (
      <Empty title="This server does not profile heads">
        <p>It is older than this view. Update the Python package exbert-rpc.</p>
      </Empty>
    );
  if (isFailed(profiling))
    return (
      <Failed error={profiling.error} onRetry={() => controller.parts.heads.retry()}>
        <CommandButton name="indexFolder">Index this folder …</CommandButton>
      </Failed>
    );
  if (isFailed(corporaStatus)) return <Failed error={corporaStatus.error} onRetry={() => void controller.lists()} />;
  if (isBusy(corporaStatus)) return <Busy what="Loading the list of corpora …" progress={null} />;
  if (corpus === null)
    return (
      <Empty title="No corpus yet">
        <p>What a head does is counted over a corpus of your own texts. Ordinary prose serves best.</p>
        <CommandButton name="indexFolder" kind="primary">
          Index this folder …
        </CommandButton>
      </Empty>
    );
  return (
    <Empty title="Not counted">
      <Button onClick={() => controller.parts.heads.retry()}>Profile the heads of “{corpus}”</Button>
    </Empty>
  );
}

const MOST_STARTS = 10;

/** Heads that do one thing most, to begin with. */
function startsOf(heads: readonly HeadProfile[]): HeadProfile[] {
  const valued = heads.flatMap((profile) => {
    const most = strongest(profile);
    const dull = most === null || most.kind === "special" || profile.findings.length === 0;
    return dull ? [] : [{ profile, kind: most.name, value: most.value }];
  });
  valued.sort((a, b) => b.value - a.value);
  // the strongest head of each kind first, so that the list is not ten times the same
  const seen = new Set<string>();
  const firsts = valued.filter(({ kind }) => !seen.has(kind) && seen.add(kind));
  return firsts.slice(0, MOST_STARTS).map(({ profile }) => profile);
}

function Starts(props: { readonly profile: ProfileResult }) {
  const controller = useController();
  const starts = useMemo(() => startsOf(props.profile.heads), [props.profile]);
  return (
    <div class="head-card">
      <h3>Choose a head in the map</h3>
      {starts.length > 0 && <p class="muted">or begin with one of these:</p>}
      <ul class="starts">
        {starts.map(({ layer, head, findings }) => (
          <li key={`${layer}:${head}`}>
            <Button
              kind="link"
              title={`Show what head ${layer}.${head} does`}
              onClick={() => controller.update({ chosenHead: { layer, head }, headTopic: null })}
            >
              {findings[0]}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Atlas(props: { readonly profile: ProfileResult }) {
  const controller = useController();
  const { profile } = props;
  const { chosen, measureId, theme, query } = useApp((s) => ({
    chosen: s.view.chosenHead,
    query: s.view.headQuery,
    measureId: s.view.headMeasure,
    theme: s.theme,
  }));
  const measures = useMemo(() => measuresOf(profile), [profile]);
  const found = useMemo(() => findHeads(profile.heads, measures, query), [profile, measures, query]);
  const measure = found?.measure ?? measures.find(({ id }) => id === measureId) ?? MOST;
  // chosen in another corpus, or in a link
  const unknown = found === null && !measures.some(({ id }) => id === measureId);
  const cells = useMemo(() => mapCells(profile.heads, measure, inkOf(theme)), [profile, measure, theme]);
  const card = profile.heads.find(({ layer, head }) => layer === chosen?.layer && head === chosen.head);
  return (
    <div class="atlas">
      <div class="atlas-map">
        <Finder measures={measures} found={found} />
        <Select
          label="color by"
          title="Choose the measure that colors the heads of the map"
          showLabel
          value={measure.id}
          choices={measures.map(({ id, name, title }) => ({ value: id, text: name, title }))}
          onChange={(headMeasure) => controller.update({ headMeasure, headQuery: "" })}
        />
        {unknown && (
          <p class="note" role="note">
            This corpus has no numbers for “{measureId.replace(":", " ")}”: heads are colored by what they do most.{" "}
            <Button kind="link" onClick={() => controller.update({ headMeasure: MOST.id })}>
              keep it so
            </Button>
          </p>
        )}
        <HeadMap
          label={`Heads, by ${measure.name}`}
          cells={cells}
          chosen={chosen}
          onChoose={(chosenHead) => controller.update({ chosenHead, headTopic: null })}
        />
        <p class="legend">{legendOf(profile.heads, measure)} · rows are layers, columns are heads</p>
      </div>
      {card === undefined ? <Starts profile={profile} /> : <HeadCard profile={card} />}
    </div>
  );
}

export function HeadsPane() {
  const profile = useApp((s) => s.profile);
  return (
    <section class="pane heads-pane" aria-labelledby="exbert-heads">
      <div class="pane-head">
        <h2 id="exbert-heads">What each head does everywhere</h2>
        {profile !== null && (
          <span class="muted">
            {format.shortModel(profile.model)} · {profile.corpus}, {format.compact(profile.tokens)} tokens,{" "}
            {format.compact(profile.documents)} {profile.documents === 1 ? "document" : "documents"}
          </span>
        )}
      </div>
      {/* a server of the first 1.1 says nothing about what it left out */}
      {(profile?.notes ?? []).map((note) => (
        <p class="note" role="note" key={note}>
          {format.sentence(note)}
        </p>
      ))}
      {profile === null ? <Missing /> : <Atlas profile={profile} />}
    </section>
  );
}
