/** The token under the pointer, or the pinned one: what it is, where its attention goes, what the model expects there. */
import { nameOf, queryToken, sides } from "../../../app";
import * as format from "../../../logic/format";
import { groupLabel, groupOf, tokenLabel, unitAt } from "../../../logic/units";
import type { DecoderToken, Token } from "../../../protocol";
import type { Pin } from "../../../state";
import { useApp, useController } from "../../../ui/context";
import { Button } from "../../../ui/controls";
import { isBusy, isFailed } from "../../../ui/states";
import { type HeadPeak, headPeaks } from "../logic/aside";
import type { Picture } from "../logic/picture";

const STRONGEST = 4;
const PEAKS = 4;

interface Partner {
  readonly name: string;
  readonly weight: number;
}

/** The strongest partners of a row of one side, by the combined weights on show. */
export function partners(
  picture: Picture,
  side: "left" | "right",
  row: number,
  tokens: readonly Token[],
  count = STRONGEST,
): Partner[] {
  const { nQueries, nKeys } = picture.layer;
  const other = side === "left" ? picture.rightGroups : picture.leftGroups;
  const n = side === "left" ? nKeys : nQueries;
  const weigh = (i: number) => (side === "left" ? picture.matrix[row * nKeys + i] : picture.matrix[i * nKeys + row]);
  return Array.from({ length: n }, (_, i) => i)
    .filter((i) => weigh(i) > 0)
    .sort((a, b) => weigh(b) - weigh(a))
    .slice(0, count)
    .map((i) => ({ name: groupLabel(tokens, other[i]), weight: weigh(i) }));
}

/** Predictions at the tokens of a unit: of what comes behind it, or of each of its places. */
function Predictions(props: { readonly tokens: readonly Token[] }) {
  const { tokens } = props;
  const { kind, hasLmHead } = useApp((s) => ({ kind: s.capture?.model.kind, hasLmHead: s.capture?.model.hasLmHead }));
  if (hasLmHead !== true) return <p class="muted">This model has no language-model head: it predicts no tokens.</p>;
  if (kind !== "bidirectional") return <PredictionsAt token={tokens[tokens.length - 1]} where="expected next" />;
  return (
    <>
      {tokens.map((token) => (
        <PredictionsAt
          key={token.index}
          token={token}
          where={tokens.length === 1 ? "expected here" : `expected at “${tokenLabel(token)}”`}
        />
      ))}
    </>
  );
}

function PredictionsAt(props: { readonly token: Token; readonly where: string }) {
  const { token, where } = props;
  const { predictions } = token;
  if (predictions === null || predictions === undefined || predictions.length === 0) return null;
  return (
    <div class="predictions" role="group" aria-label={where}>
      <span class="muted">{where}</span>
      {predictions.map((prediction) => (
        <span class="prediction" key={prediction.id} title={`vocabulary ${prediction.token}, id ${prediction.id}`}>
          <span
            class="prediction-bar"
            aria-hidden="true"
            style={{ width: `${Math.max(1, 100 * prediction.probability)}%` }}
          />
          <span class="prediction-token">{prediction.token.replace(/^[Ġ▁]/, "␣").replaceAll("Ċ", "↵")}</span>
          <span class="prediction-share">
            {format.percent(prediction.probability, prediction.probability < 0.1 ? 1 : 0)}
          </span>
        </span>
      ))}
    </div>
  );
}

/** What a decoder's text has where the model predicts. */
function Expected(props: { readonly token: Token }) {
  const { token } = props;
  if (!("expected" in token)) return null;
  const expected = (token as DecoderToken).expected;
  if (expected === null || expected === undefined) return null;
  const rank = token.predictions?.findIndex((one) => one.id === expected.id) ?? -1;
  return (
    <p class="partners">
      <span class="muted">the text goes on with</span>
      <span class="partner" title={`vocabulary ${expected.token}, id ${expected.id}`}>
        {expected.token.replace(/^[Ġ▁]/, "␣").replaceAll("Ċ", "↵")}
      </span>
      {(token.predictions?.length ?? 0) > 0 && (
        <span class="muted">{rank < 0 ? "not among the predictions" : `prediction ${rank + 1}`}</span>
      )}
    </p>
  );
}

const OF_PIPELINE = "Parts of speech, syntactic relations, entities and words are annotations of a spaCy pipeline.";

/** Why a token has no part of speech yet, or that it will have none. */
function Unannotated() {
  const controller = useController();
  const annotating = useApp((s) => s.annotating);
  if (isBusy(annotating))
    return (
      <span class="muted unannotated" title={OF_PIPELINE}>
        annotations are being made …
      </span>
    );
  if (!isFailed(annotating)) return null;
  return (
    <span class="muted unannotated" title={annotating.error.data?.hint || OF_PIPELINE}>
      annotations are missing: {annotating.error.message}{" "}
      <Button kind="link" onClick={() => controller.captures.annotateAgain()}>
        try again
      </Button>
    </span>
  );
}

function Facts(props: { readonly token: Token }) {
  const { token } = props;
  const facts: [string, string | null | undefined][] = [
    ["POS", token.pos],
    ["TAG", token.tag],
    ["DEP", token.dep],
    ["ENT", token.entity],
    ["lemma", token.lemma === token.text.trim().toLowerCase() ? null : token.lemma],
  ];
  return (
    <span class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <span key={name}>
            <span class="muted">{name}</span> {value}
          </span>
        ))}
      <Unannotated />
    </span>
  );
}

/** What each head looks at most. For the pinned token, a click searches the corpus for pairs like these two. */
function Peaks(props: {
  readonly peaks: readonly HeadPeak[];
  readonly picture: Picture;
  readonly keys: readonly Token[];
  readonly source: Pin | null;
}) {
  const controller = useController();
  const { keys, picture, source } = props;
  const canSearch = useApp((s) => s.view.corpus !== null && s.view.stack === "encoder" && queryToken(s) !== null);
  return (
    <p class="partners">
      <span class="muted">in the heads</span>
      {props.peaks.map(({ head, column, weight }) => {
        const group = picture.rightGroups[column];
        const name = groupLabel(keys, group);
        const peak = (
          <>
            {head}{" "}
            <span class="muted">
              → {name} {format.weight(weight)}
            </span>
          </>
        );
        const [target] = group.tokens;
        if (source === null || !canSearch || keys[target].isSpecial)
          return (
            <span key={head} class="partner">
              {peak}
            </span>
          );
        return (
          <span key={head} class="partner">
            <Button
              kind="link"
              title={`Searches the corpus for pairs between which head ${head} draws the same relation.`}
              onClick={() => controller.update({ heads: [head], relationTo: target, pane: "corpus", bar: null })}
            >
              {peak}
              <span class="hidden">: contexts with the same relation</span>
            </Button>
          </span>
        );
      })}
    </p>
  );
}

function vocabularyForms(tokens: readonly Token[]): string {
  return tokens.map(({ token, id }) => `vocabulary form ${token}, id ${id}`).join("; ");
}

export function Inspector(props: { readonly picture: Picture | null }) {
  const controller = useController();
  const { view, hover, capture } = useApp((s) => ({ view: s.view, hover: s.hover, capture: s.capture }));
  const inspected = hover ?? view.pinned;
  const { left, right } = sides(capture, view.stack);
  const own = inspected?.side === "right" ? right : left;
  const token = inspected === null ? undefined : own[inspected.token];
  if (inspected === null || token === undefined) {
    return (
      <div class="inspector quiet">
        <p class="muted">
          Hover a token to see where its attention goes
          {capture?.model.hasLmHead ? " and what the model expects there" : ""}. Click to pin it and search the corpus
          for similar contexts{capture?.model.maskToken === null ? "" : "; double-click, or press m, to mask it"}.
        </p>
        <div role="status">
          <Unannotated />
        </div>
      </div>
    );
  }
  const { picture } = props;
  const unit = unitAt(own, inspected.token, view.words);
  const tokens = unit.tokens.map((i) => own[i]);
  const row =
    picture === null
      ? -1
      : groupOf(inspected.side === "left" ? picture.leftGroups : picture.rightGroups, inspected.token);
  const best =
    picture === null || row < 0 ? [] : partners(picture, inspected.side, row, inspected.side === "left" ? right : left);
  const peaks =
    picture === null || row < 0 || inspected.side === "right"
      ? []
      : headPeaks(picture.layer, row, picture.masks.columns, PEAKS);
  const pinned = view.pinned?.side === inspected.side && unit.tokens.includes(view.pinned.token);
  return (
    <div class="inspector">
      <div class="inspector-head">
        <b class="inspector-token" title={vocabularyForms(tokens)}>
          {groupLabel(own, unit)}
        </b>
        {token.isMasked && <span class="muted">was “{nameOf(tokens)}”</span>}
        <Facts token={token} />
        <span class="inspector-actions">
          {pinned && (
            <Button kind="link" onClick={() => controller.unpin()} title="Escape">
              unpin
            </Button>
          )}
          {!token.isSpecial && controller.maskRefusal() === null && pinned && (
            <Button kind="link" onClick={() => controller.toggleMask(unit.tokens)} title="m">
              {token.isMasked ? "unmask" : "mask"}
            </Button>
          )}
        </span>
      </div>
      {best.length > 0 && (
        <p class="partners">
          <span class="muted">{inspected.side === "left" ? "attends to" : "gets attention from"}</span>
          {best.map((partner, i) => (
            <span key={i} class="partner">
              {partner.name} <span class="muted">{format.weight(partner.weight)}</span>
            </span>
          ))}
          {picture !== null && inspected.side === "left" && (
            <span class="partner">
              {picture.aside.name} <span class="muted">{format.weight(picture.aside.shares[row])}</span>
            </span>
          )}
        </p>
      )}
      {picture !== null && peaks.length > 0 && (
        <Peaks peaks={peaks} picture={picture} keys={right} source={pinned ? inspected : null} />
      )}
      <Predictions tokens={tokens} />
      <Expected token={tokens[tokens.length - 1]} />
    </div>
  );
}
