/** What the contexts have in common, against what the corpus has anyway. */
import { useState } from "preact/hooks";
import * as format from "../../../logic/format";
import { ANNOTATION_NAMES, ANNOTATION_TITLES, ANNOTATIONS, sameLabel } from "../../../logic/labels";
import { labelColor } from "../../../logic/palette";
import type { Bin, Histogram, SummarizeResult } from "../../../protocol";
import { useApp, useController } from "../../../ui/context";
import { Button, Segmented } from "../../../ui/controls";
import { Busy, Empty, Failed, isBusy, isFailed } from "../../../ui/states";
import { SIGNIFICANT } from "../draw/histogramSvg";
import { hasControls, NO_CONTROLS, type Said, type SaidFindings, saidFindings } from "../logic/findings";

/** Bars and findings before "more"; beside the contexts there is room for fewer. */
const MOST_BARS = { wide: 3, narrow: 4 };
const MOST_FINDINGS = { wide: 1, narrow: 3 };

function spokenControls(bin: Bin): string {
  const { word, echo, peers } = bin.controls ?? NO_CONTROLS;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return [
    word === null ? "" : `, the word alone ${percent(word.share)}`,
    echo === null ? "" : `, tokens that look at the same words ${percent(echo.share)}`,
    peers === null
      ? ""
      : `, the median other head ${percent(peers.median)}, this head is number ${peers.rank} of ${peers.of}`,
  ].join("");
}

/** Why not: the interval holds what is expected, or so many labels were looked at. */
function notSignificant({ low, high, baseline, qValue }: Bin): string {
  return low <= baseline && baseline <= high
    ? "not significant: the interval holds the expected share"
    : `not significant: q is ${qValue.toFixed(2)} after correction for all the labels that were looked at`;
}

function spoken(bin: Bin, n: number): string {
  const certain =
    bin.qValue < SIGNIFICANT
      ? `significant, q ${bin.qValue < 0.001 ? "below 0.001" : bin.qValue.toFixed(3)}`
      : notSignificant(bin);
  return `${bin.label}: ${bin.count} of ${n}, ${(100 * bin.share).toFixed(0)} %, ${(100 * bin.baseline).toFixed(1)} % expected, ${format.lift(bin.lift)}, 95 % interval ${(100 * bin.low).toFixed(0)} to ${(100 * bin.high).toFixed(0)} %, ${certain}${spokenControls(bin)}`;
}

/** Where the controls stand: three shapes, so that they are told apart without color. */
function Marks(props: { readonly bin: Bin }) {
  const { word, echo, peers } = props.bin.controls ?? NO_CONTROLS;
  return (
    <>
      {word !== null && <span class="mark word" style={{ left: `${100 * word.share}%` }} />}
      {echo !== null && <span class="mark echo" style={{ left: `${100 * echo.share}%` }} />}
      {peers !== null && <span class="mark peers" style={{ left: `${100 * peers.median}%` }} />}
    </>
  );
}

function Bar(props: { readonly histogram: Histogram; readonly bin: Bin; readonly n: number }) {
  const controller = useController();
  const bar = useApp((s) => s.view.bar);
  const { histogram, bin } = props;
  const on =
    bar !== null &&
    bar.of === histogram.of &&
    bar.attribute === histogram.attribute &&
    sameLabel(bar.attribute, bar.label, bin.label);
  const sure = bin.qValue < SIGNIFICANT;
  const more = bin.share > bin.baseline;
  const color = histogram.attribute === "offset" ? null : labelColor(bin.label, histogram.attribute);
  const text = histogram.attribute === "offset" && bin.label !== "none" ? format.signed(Number(bin.label)) : bin.label;
  return (
    <button
      type="button"
      class={`bar${on ? " on" : ""}${bin.count === 0 ? " zero" : ""}`}
      aria-pressed={on}
      title={`${spoken(bin, props.n)}. ${on ? "Click to show all contexts." : "Click to show only these contexts."}`}
      onClick={() =>
        controller.update({ bar: on ? null : { of: histogram.of, attribute: histogram.attribute, label: bin.label } })
      }
    >
      <span class="bar-label">{text}</span>{" "}
      <span class="bar-track">
        <span
          class="bar-fill"
          style={{ width: `${100 * bin.share}%`, ...(color === null ? {} : { backgroundColor: color }) }}
        />
        <span
          class="bar-interval"
          style={{ left: `${100 * bin.low}%`, width: `${Math.max(0.5, 100 * (bin.high - bin.low))}%` }}
        />
        <span class="bar-tick" style={{ left: `${100 * bin.baseline}%` }} />
        <Marks bin={bin} />
      </span>
      <span class="bar-count">{bin.count}</span>{" "}
      <span class={`bar-lift${sure ? " sure" : ""}`}>
        {format.lift(bin.lift)}
        {sure && <span aria-hidden="true">{more ? " ▲" : " ▼"}</span>}
      </span>
    </button>
  );
}

const TITLES: Readonly<Record<Histogram["of"], Readonly<Record<SummarizeResult["subject"], string>>>> = {
  subject: { match: "matched token", next: "next token" },
  maxAttention: { match: "match attends most to", next: "next attends most to" },
};

function titleOf(histogram: Histogram, summary: SummarizeResult): string {
  if (histogram.of === "maxAttention" && summary.subject === "match" && summary.attention === "incoming")
    return "attends most to the match";
  return TITLES[histogram.of][summary.subject];
}

function Bars(props: { readonly histogram: Histogram; readonly summary: SummarizeResult; readonly most: number }) {
  const { histogram, summary, most } = props;
  const [all, setAll] = useState(false);
  // a label without any context is worth a bar when its absence is significant
  const bins = histogram.bins.filter((bin) => bin.count > 0 || bin.qValue < SIGNIFICANT);
  const shown = all ? bins : bins.slice(0, most);
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  const title = titleOf(histogram, summary);
  return (
    <div class="histogram" role="group" aria-label={`${title}: ${ANNOTATION_TITLES[histogram.attribute]}`}>
      <div class="histogram-head">
        <h3 title={`${title}, by ${ANNOTATION_TITLES[histogram.attribute]}`}>
          {title} <span class="muted">· {ANNOTATION_NAMES[histogram.attribute]}</span>
        </h3>
        {bins.length > most && (
          <Button
            kind="link"
            onClick={() => setAll(!all)}
            title={all ? "Show the most frequent labels only" : "Show all labels"}
            label={`${all ? "fewer" : `${bins.length - most} more`} labels of ${title}`}
          >
            {all ? "fewer" : `${bins.length - most} more`}
          </Button>
        )}
      </div>
      {shown.map((bin) => (
        <Bar key={bin.label} histogram={histogram} bin={bin} n={total} />
      ))}
      {bins.length === 0 && <p class="muted">nothing to count</p>}
    </div>
  );
}

/** The server says so of what is certain but no news: a habit of these heads everywhere. */
const HARDLY = "hardly special";

/** A figure and its unit stay on one line. */
function unbroken(text: string): string {
  return text.replaceAll(" %", "\u00a0%").replace(/q ([<=]) /g, "q\u00a0$1\u00a0");
}

/** Counts, labels and lifts stand out, so that a finding is seen before it is read. */
function Emphasised(props: { readonly text: string }) {
  return (
    <>
      {unbroken(props.text)
        .split(/(\d+ of \d+|\b[A-Z][A-Z_]+\b|[\d.]+×)/)
        .map((part, i) => (i % 2 === 1 ? <b key={i}>{part}</b> : part))}
    </>
  );
}

function Sentence(props: { readonly said: Said }) {
  const { sentence } = props.said;
  // what is certain but no news stays in sight: it keeps people from taking it for a discovery
  return sentence.includes(HARDLY) ? (
    <li class="muted">{unbroken(sentence)}</li>
  ) : (
    <li>
      <Emphasised text={sentence} />
    </li>
  );
}

/** What something else explains: in reach, not in the way. */
function Explained(props: { readonly by: string; readonly findings: readonly Said[] }) {
  const { findings } = props;
  if (findings.length === 0) return null;
  return (
    <details class="explained">
      <summary title="Show findings that are not this head's own, with their numbers">
        {findings.length} {findings.length === 1 ? "finding" : "findings"} explained by {props.by}
      </summary>
      <ul>
        {findings.map((said) => (
          <Sentence key={said.sentence} said={said} />
        ))}
      </ul>
    </details>
  );
}

/** Says so where nothing is left for the head. */
function noneOwn({ word, echo }: SaidFindings): string {
  return word.length + echo.length === 0
    ? "No share differs significantly from the corpus (q < 0.05)."
    : "None of these findings is this head's own: the word, or what is attended to, explains them.";
}

function Findings(props: { readonly summary: SummarizeResult; readonly most: number }) {
  const [all, setAll] = useState(false);
  const { summary, most } = props;
  const found = saidFindings(summary);
  const { own } = found;
  const shown = all ? own : own.slice(0, most);
  const rest = own.length - most;
  return (
    <div class="findings">
      {own.length === 0 && <p>{noneOwn(found)}</p>}
      {own.length > 0 && (
        <ul aria-label="Findings">
          {shown.map((said) => (
            <Sentence key={said.sentence} said={said} />
          ))}
        </ul>
      )}
      <div class="findings-more">
        {rest > 0 && (
          <Button
            kind="link"
            title={all ? "Show the strongest findings only" : "Show all findings"}
            onClick={() => setAll(!all)}
          >
            {all ? "fewer findings" : `${rest} more ${rest === 1 ? "finding" : "findings"}`}
          </Button>
        )}
        <Explained by="the word" findings={found.word} />
        <Explained by="what is attended to" findings={found.echo} />
      </div>
      {(summary.notes ?? []).map((note) => (
        <p key={note} class="muted">
          {format.sentence(note)}
        </p>
      ))}
    </div>
  );
}

/** How the comparison with the other heads goes. */
function Comparing() {
  const comparing = useApp((s) => s.comparing);
  if (isBusy(comparing))
    return <Busy what="Comparing with the other heads of the layer …" progress={comparing.progress} />;
  if (isFailed(comparing)) return <p class="muted">The other heads were not compared: {comparing.error.message}</p>;
  return null;
}

/** The strongest finding alone: all that a folded summary says. */
function Folded(props: { readonly summary: SummarizeResult }) {
  const found = saidFindings(props.summary);
  const [strongest] = found.own;
  return (
    <p class="folded">
      {strongest === undefined ? <span class="muted">{noneOwn(found)}</span> : <Emphasised text={strongest.sentence} />}
    </p>
  );
}

function ControlsLegend() {
  return (
    <>
      {" "}
      · <span class="mark word" aria-hidden="true" /> the word alone, without the head ·{" "}
      <span class="mark echo" aria-hidden="true" /> tokens that look at the same words ·{" "}
      <span class="mark peers" aria-hidden="true" /> the median other head of the layer
    </>
  );
}

function Histograms(props: { readonly summary: SummarizeResult; readonly most: number }) {
  const { summary, most } = props;
  const by = useApp((s) => s.view.summaryBy);
  const chosen = summary.histograms.filter((one) => one.attribute === by || one.attribute === "offset");
  return (
    <>
      <div class="histograms">
        {chosen.map((histogram) => (
          <Bars key={`${histogram.of}:${histogram.attribute}`} histogram={histogram} summary={summary} most={most} />
        ))}
      </div>
      <p class="legend">
        <span class="legend-tick" aria-hidden="true" /> expected, from {format.compact(summary.nBaseline)} tokens ·{" "}
        <span class="legend-interval" aria-hidden="true" /> 95 % interval · × lift ·{" "}
        <span title="significantly more or less frequent than in the corpus, corrected for multiple testing">
          <b>▲▼</b> q &lt; 0.05
        </span>{" "}
        · click a bar to filter
        {summary.histograms.some(({ bins }) => bins.some(hasControls)) && <ControlsLegend />}
      </p>
    </>
  );
}

function Title(props: { readonly foldable: boolean; readonly folded: boolean }) {
  const controller = useController();
  const text = "What these contexts share";
  if (!props.foldable) return <h2 id="exbert-summary">{text}</h2>;
  return (
    <h2 id="exbert-summary">
      <button
        type="button"
        class="disclosure"
        aria-expanded={!props.folded}
        title={props.folded ? "show the histograms" : "collapse the summary to show more contexts"}
        onClick={() => controller.update({ summaryFolded: !props.folded })}
      >
        <span aria-hidden="true">{props.folded ? "▸" : "▾"}</span> {text}
      </button>
    </h2>
  );
}

export function SummaryPane() {
  const controller = useController();
  const { summary, summarize, by, result, wide, fold } = useApp((s) => ({
    summary: s.summary,
    summarize: s.summarize,
    by: s.view.summaryBy,
    result: s.result,
    wide: s.wide,
    fold: s.view.summaryFolded,
  }));
  if (wide && result === null && summarize.phase === "idle") return null;
  const size = wide ? "wide" : "narrow";
  const folded = wide && fold;
  return (
    <section class="pane summary" aria-labelledby="exbert-summary">
      <div class="pane-head">
        <Title foldable={wide} folded={folded} />
        {summary !== null && (
          <span class="muted">
            {summary.nHits} contexts, {summary.nDistinct} distinct
          </span>
        )}
        <span class="spring" />
        {summary !== null && !folded && (
          <Segmented
            label="Count by"
            compact
            choices={ANNOTATIONS.map((value) => ({
              value,
              text: ANNOTATION_NAMES[value],
              title: ANNOTATION_TITLES[value],
            }))}
            value={by}
            onChange={(summaryBy) => controller.update({ summaryBy })}
          />
        )}
      </div>
      {isBusy(summarize) && <Busy what="Counting …" progress={summarize.progress} />}
      {isFailed(summarize) && <Failed error={summarize.error} onRetry={() => controller.parts.corpus.retry()} />}
      {summary === null && summarize.phase === "idle" && (
        <Empty title="Nothing to summarize yet">
          <p>Pin a token in the attention picture to summarize its contexts here.</p>
        </Empty>
      )}
      {summary !== null && folded && <Folded summary={summary} />}
      {summary !== null && !folded && <Findings summary={summary} most={MOST_FINDINGS[size]} />}
      {summary !== null && !folded && <Comparing />}
      {summary !== null && !folded && <Histograms summary={summary} most={MOST_BARS[size]} />}
    </section>
  );
}
