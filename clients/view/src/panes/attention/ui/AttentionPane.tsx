/** Tokens left and right, curves between them, what each head gives and gets, and the chosen token's story. */
import { useMemo } from "preact/hooks";
import { nameOf, pinnedTokens, sides, stacksOf } from "../../../app";
import * as format from "../../../logic/format";
import { useApp, useController } from "../../../ui/context";
import { Button, Check, Segmented, Slider } from "../../../ui/controls";
import { Busy, CommandButton, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { OpenedNote } from "../first/OpenedNote";
import { Welcome } from "../first/Welcome";
import { SEGMENT_FILTERS, type SegmentFilter } from "../logic/masks";
import { pictureMaker } from "../logic/picture";
import { saysUnread, unknownNote } from "../logic/unknown";
import { isLong } from "../map/long";
import { QueryKey } from "../queryKey/QueryKey";
import { AttentionPicture } from "./AttentionPicture";
import { ContinueBar } from "./ContinueBar";
import { Inspector } from "./Inspector";
import { Overview } from "./Overview";

const SEGMENT_TITLES: Readonly<Record<SegmentFilter, string>> = {
  all: "attention between all tokens",
  AA: "from the first segment to itself",
  AB: "from the first segment to the second",
  BA: "from the second segment to the first",
  BB: "from the second segment to itself",
};

const VALUE_NORM =
  "How much each token hands over: attention times the norm of its value behind the head's output projection, each row " +
  "divided by its sum (Kobayashi et al. 2020). A strong look at a token whose value is near zero moves nothing.";

function Options() {
  const controller = useController();
  const { view, pair, causal, long } = useApp((s) => ({
    view: s.view,
    causal: s.capture !== null && s.capture.model.kind !== "bidirectional",
    long: isLong(s.layer),
    pair: s.capture?.tokens.some((token) => token.segment === 1) === true && s.view.stack === "encoder",
  }));
  return (
    <div class="options">
      <Slider
        label="top attention"
        hideLabel
        min={0}
        max={100}
        value={view.topPercent}
        text={`top ${view.topPercent} %`}
        title="Which curves are drawn: the strongest edges of each token on the left, until they add up to this share of its attention"
        onInput={(topPercent) => controller.update({ topPercent })}
      />
      <Check
        label="hide special"
        title="Hide special tokens such as [CLS] and [SEP]. The other weights are not rescaled."
        checked={view.hideSpecial}
        onChange={(hideSpecial) => controller.update({ hideSpecial })}
      />
      {causal && (
        <Check
          label="hide first token"
          title="Hide the first token, where many decoders rest their attention. The other weights are not rescaled."
          checked={view.hideFirst}
          onChange={(hideFirst) => controller.update({ hideFirst })}
        />
      )}
      <Check
        label="words"
        title="Join sub-words into words: attention is summed over a word's keys and averaged over its queries"
        checked={view.words}
        onChange={(words) => controller.update({ words })}
      />
      <Segmented
        label="Combine heads by"
        choices={[
          { value: "mean", text: "mean", title: "mean over the chosen heads" },
          { value: "sum", text: "sum", title: "sum over the chosen heads" },
        ]}
        value={view.combine}
        onChange={(combine) => controller.update({ combine })}
      />
      <Segmented
        label="Weights"
        choices={[
          { value: "attention", text: "attention", title: "How much each token looks at each other one" },
          { value: "valueNorm", text: "× value norm", title: VALUE_NORM },
        ]}
        value={view.attentionWeights}
        onChange={(attentionWeights) => controller.update({ attentionWeights })}
      />
      {long && (
        <Segmented
          label="Picture"
          choices={[
            { value: "off", text: "curves", title: "curves alone, a part of the text at a time" },
            { value: "only", text: "heat map", title: "all attention of the text at once, as cells" },
            { value: "both", text: "both", title: "the heat map, and below it the curves" },
          ]}
          value={view.heatMap}
          onChange={(heatMap) => controller.update({ heatMap })}
        />
      )}
      {pair && (
        <Segmented
          label="Segments"
          choices={SEGMENT_FILTERS.map((value) => ({
            value,
            text: value === "all" ? "all" : `${value[0]}→${value[1]}`,
            title: SEGMENT_TITLES[value],
          }))}
          value={view.segments}
          onChange={(segments) => controller.update({ segments })}
        />
      )}
    </div>
  );
}

function MaskBar() {
  const controller = useController();
  const { mask, tokens, undo } = useApp((s) => ({
    mask: s.view.mask,
    tokens: s.capture?.tokens ?? null,
    undo: s.undo.length,
  }));
  if (mask.length === 0 && undo === 0) return null;
  return (
    <div class="mask-bar" role="group" aria-label="Masked tokens">
      <span class="muted">masked</span>
      {mask.length === 0 && <span class="muted">nothing</span>}
      {mask.map((index) => {
        const name = tokens?.[index]?.text || `token ${index}`;
        return (
          <button
            key={index}
            type="button"
            class="chip"
            title={`unmask “${name}”`}
            onClick={() => controller.toggleMask([index])}
          >
            {name} <span aria-hidden="true">×</span>
            <span class="hidden">: unmask</span>
          </button>
        );
      })}
      {undo > 0 && (
        <Button kind="link" onClick={() => controller.undoMask()} title="Undo the last change of the mask (Ctrl+Z)">
          undo
        </Button>
      )}
      {mask.length > 1 && (
        <Button kind="link" onClick={() => controller.setMask([])}>
          unmask all
        </Button>
      )}
    </div>
  );
}

/** The same list for the same head, so that drawing again computes nothing again. */
function onePreview(): (head: number) => readonly number[] {
  let last: readonly number[] = [];
  return (head) => {
    if (last[0] !== head) last = [head];
    return last;
  };
}

function usePicture() {
  const make = useMemo(pictureMaker, []);
  const previewed = useMemo(onePreview, []);
  const s = useApp(({ view, capture, layer, hover, previewHead }) => ({ view, capture, layer, hover, previewHead }));
  const { left, right } = sides(s.capture, s.view.stack);
  if (s.layer === null || s.layer.nQueries !== left.length || s.layer.nKeys !== right.length) return null;
  const picture = make({
    layer: s.layer,
    left,
    right,
    words: s.view.words,
    hideSpecial: s.view.hideSpecial,
    hideFirst: s.view.hideFirst,
    segments: s.view.segments,
    heads: s.previewHead === null ? s.view.heads : previewed(s.previewHead),
    combine: s.view.combine,
    topPercent: s.view.topPercent,
    inspected: s.hover ?? s.view.pinned,
  });
  return { picture, left, right };
}

function Heading() {
  const { view, pinned, shown, weights, capture, joinsLater } = useApp((s) => ({
    view: s.view,
    pinned: nameOf(pinnedTokens(s)),
    shown: s.layerShown,
    weights: s.weightsShown,
    capture: s.capture,
    joinsLater: s.view.words && isBusy(s.annotating),
  }));
  if (capture === null) return null;
  const heads = view.heads;
  const which =
    heads === null
      ? "all heads"
      : heads.length === 0
        ? "no heads"
        : heads.length === 1
          ? `head ${heads[0]}`
          : `heads ${format.ranges(heads)}`;
  return (
    <span class="muted">
      layer {shown}, {which}
      {weights === "valueNorm" && " · attention × value norm"}
      {stacksOf(capture).length > 1 &&
        ` of the ${view.stack === "cross" ? "cross-attention, decoder to encoder" : view.stack}`}
      {pinned !== "" && ` · “${pinned}” pinned`}
      {` · ${capture.tokens.length} tokens`}
      {joinsLater && " · words are joined once annotations are made"}
    </span>
  );
}

export function AttentionPane() {
  const controller = useController();
  const { attend, capture, input, server } = useApp((s) => ({
    attend: s.attend,
    capture: s.capture,
    input: s.view.input,
    server: s.server,
  }));
  const drawn = usePicture();
  const unknown = useMemo(
    () => (capture === null || saysUnread(capture.notes) ? null : unknownNote(capture.tokens, capture.text)),
    [capture],
  );
  const keys = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      controller.undoMask();
    }
  };
  return (
    <section class="pane attention" aria-labelledby="exbert-attention" onKeyDown={keys}>
      <div class="pane-head">
        <h2 id="exbert-attention">Attention</h2>
        <Heading />
      </div>
      {isBusy(attend) && (
        <Busy
          what={capture === null ? "Reading the text …" : "Reading …"}
          progress={attend.progress}
          onCancel={() => controller.parts.attention.cancel()}
        />
      )}
      {isFailed(attend) && server?.kind === "missing" && (
        <Empty title="The server is not available yet">
          <p>{attend.error.data?.hint}</p>
        </Empty>
      )}
      {isFailed(attend) && server?.kind !== "missing" && (
        <Failed error={attend.error} onRetry={() => void controller.reload()}>
          {attend.error.data?.kind === "modelNotFound" && (
            <CommandButton name="selectModel">Select model</CommandButton>
          )}
        </Failed>
      )}
      {input === null && server?.kind !== "missing" && <Welcome />}
      {capture !== null && <Options />}
      <MaskBar />
      <OpenedNote />
      {drawn !== null && <AttentionPicture {...drawn} />}
      <ContinueBar />
      {unknown !== null && (
        <p class="note" role="note">
          {unknown}
        </p>
      )}
      {capture?.notes.map((note) => (
        <p class="note" key={note} role="note">
          {format.sentence(note)}
        </p>
      ))}
      {capture !== null && <Inspector picture={drawn?.picture ?? null} />}
      {capture !== null && <QueryKey />}
      {capture !== null && <Overview />}
    </section>
  );
}
