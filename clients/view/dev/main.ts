/** The dev page: one scenario from the query string, the host within reach as `window.exbert`. */
import { type MountedView, mount, type Theme } from "../src/index";
import { PANES } from "../src/panes";
import type { Method } from "../src/protocol";
import { composeState, type Pin, type ViewState } from "../src/state";
import { FixtureHost, type FixtureOptions } from "./fixtureHost";
import { RecordedHost } from "./recordedHost";
import { MINI, type Synthetic } from "./synthetic";

const ESCAPE = "The girl ran to a local pub to escape the din of her city.";
const WORDS = "the weather in that quiet harbour town was late and nobody knew why she was running to escape it all ";
const GPT: Synthetic = { kind: "autoregressive", nLayers: 30, nHeads: 9, hasLmHead: true, maskToken: null };
const T5: Synthetic = { kind: "encoderDecoder", nLayers: 4, nHeads: 8, hasLmHead: true, maskToken: null };

/** A pass to compare with. */
const PASS = { input: { text: ESCAPE }, label: "", model: null, mask: [], without: [], withoutMode: "mean" } as const;

interface Scenario {
  readonly options?: FixtureOptions;
  readonly view?: Partial<ViewState>;
  /** Answers of a real server instead of made-up ones. */
  readonly recorded?: boolean;
}

const long = (words: number) => WORDS.repeat(110).split(" ").slice(0, words).join(" ");
const pinned = { side: "left", token: 9 } satisfies Pin;
const failed = {
  code: -33006,
  message: "the text has 812 tokens, this model takes 512",
  data: { kind: "textTooLong", hint: "Select less text, or choose a model that reads more." },
};
const escapeView: Partial<ViewState> = { input: { text: ESCAPE }, label: "notes.md:12", layer: 2, heads: [11], pinned };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  escape: { view: { ...escapeView, corpus: "pydoc" }, recorded: true },
  synthetic: { view: escapeView },
  relation: { view: { ...escapeView, relationTo: 8 } },
  allheads: { view: { ...escapeView, corpus: "pydoc", heads: null, pinned: null }, recorded: true },
  masked: { options: { made: { ...MINI, hasLmHead: true } }, view: { ...escapeView, mask: [8, 12], topPercent: 50 } },
  gptheads: {
    options: { made: GPT },
    view: { input: { text: "The capital of France is" }, label: "cell 4", pane: "heads" },
  },
  gpteffect: {
    options: { made: GPT },
    view: {
      input: { text: "The capital of France is" },
      label: "cell 4",
      pane: "effect",
      chosenHead: { layer: 28, head: 3 },
    },
  },
  gptparts: {
    options: { made: GPT },
    view: { input: { text: "The capital of France is" }, label: "cell 4", pane: "effect", effectOf: "parts" },
  },
  against: {
    view: {
      ...escapeView,
      pane: "effect",
      effectAgainst: "The girl walked home to enjoy the quiet of her village.",
      chosenHead: { layer: 4, head: 3 },
    },
  },
  pairs: {
    recorded: true,
    view: {
      input: { text: "The company increased production." },
      label: "notes.md:3",
      pane: "effect",
      effectOf: "parts",
      effectAgainst: "The company decreased production.",
    },
  },
  lens: {
    options: { made: GPT },
    view: {
      input: { text: "The capital of France is" },
      label: "cell 4",
      pane: "effect",
      effectOf: "parts",
      effectLens: "all",
    },
  },
  pin: { view: { ...escapeView, pane: "compare" } },
  maskrecorded: {
    recorded: true,
    view: {
      ...escapeView,
      corpus: "pydoc",
      mask: [9],
      pane: "compare",
      compareWith: { ...PASS, model: "all-MiniLM-L6-v2" },
    },
  },
  comparemask: {
    options: { made: { ...MINI, hasLmHead: true } },
    view: { ...escapeView, mask: [9], pane: "compare", compareWith: { ...PASS, mask: [] } },
  },
  comparewithout: {
    options: { made: GPT },
    view: {
      input: { text: "The capital of France is a city that she knew" },
      label: "cell 4",
      without: [{ layer: 12, head: 3 }],
      pane: "compare",
      compareWith: { ...PASS, input: { text: "The capital of France is a city that she knew" } },
    },
  },
  comparetexts: {
    view: {
      ...escapeView,
      pane: "compare",
      compareWith: { ...PASS, input: { text: "The girl ran to a local pub to escape the din of her town." } },
    },
  },
  comparelengths: {
    view: { ...escapeView, pane: "compare", compareWith: { ...PASS, input: { text: "She ran." } } },
  },
  without: {
    view: { ...escapeView, without: [{ layer: 1, head: 9 }] },
  },
  smollm: {
    options: { made: GPT, corpora: ["prose"] },
    view: { corpus: "prose", pane: "heads" },
    recorded: true,
  },
  opposites: {
    view: {
      input: { text: "The company increased production." },
      label: "notes.md:3",
      pane: "effect",
      effectAgainst: "The company decreased production.",
      chosenHead: { layer: 5, head: 9 },
    },
    recorded: true,
  },
  card: { view: { ...escapeView, pane: "heads", chosenHead: { layer: 4, head: 3 } } },
  oldcorpus: {
    options: {
      errors: {
        profileHeads: {
          code: -33004,
          message: "corpus 'brown' was built by an earlier version, which kept no profile of heads",
          data: {
            kind: "corpusMismatch",
            hint: "index the corpus again: all its text is run through the model once more",
          },
        },
      },
    },
    view: { ...escapeView, pane: "heads" },
  },
  gpt: {
    options: { made: GPT },
    view: {
      input: { text: "The capital of France is a city that she knew" },
      label: "cell 4",
      layer: 12,
      heads: [2, 5],
      pinned: { side: "left", token: 3 },
    },
  },
  sinks: {
    options: {
      made: {
        ...GPT,
        searchNote: "single bits and one head: some of the nearest may be missing",
        notes: [
          "rows of attention sum to less than 1: this model has attention sinks, which take the rest and are no tokens",
        ],
      },
    },
    view: {
      input: { text: "The capital of France is a city that she knew" },
      label: "cell 4",
      layer: 3,
      heads: null,
      pinned: { side: "left", token: 3 },
    },
  },
  t5: {
    options: { made: T5 },
    view: {
      input: { text: ESCAPE, textPair: "Das Mädchen lief in eine Kneipe." },
      label: "typed here",
      stack: "cross",
      layer: 1,
    },
  },
  pair: {
    view: {
      input: { text: "The girl ran to a pub.", textPair: "She was late and nobody knew." },
      label: "typed here",
      layer: 4,
      heads: null,
      segments: "AB",
    },
  },
  long128: { view: { input: { text: long(122) }, label: "notes.md:1–9", layer: 2, heads: null } },
  long512: {
    options: { made: { ...MINI, nLayers: 12 } },
    view: { input: { text: long(488) }, label: "notes.md:1–40", layer: 2, heads: null },
  },
  querykey: { view: { ...escapeView, showQueryKey: true } },
  long60: { view: { input: { text: long(60) }, label: "notes.md:1–4", layer: 2, heads: [11] } },
  long2048: {
    options: { made: { ...MINI, kind: "autoregressive", nHeads: 4, maskToken: null } },
    view: { input: { text: long(2048) }, label: "notes.md:1–160", layer: 2, heads: null },
  },
  big: { options: { made: { ...MINI, nLayers: 32, nHeads: 32 } }, view: { ...escapeView, heads: [3, 17, 30] } },
  nocorpus: { options: { corpora: [] }, view: { ...escapeView, pinned: null } },
  nothing: {},
  error: { options: { errors: { attend: failed } }, view: escapeView },
  searcherror: {
    options: {
      errors: {
        searchContexts: {
          code: -33004,
          message: "corpus “brown” was built by all-MiniLM-L6-v2, not by this model",
          data: { kind: "corpusMismatch", hint: "Choose that model, or index the folder with this one." },
        },
      },
    },
    view: escapeView,
  },
  loading: { options: { delay: 600_000 }, view: escapeView },
};

declare global {
  interface Window {
    exbert: { host: FixtureHost; view: MountedView };
  }
}

const query = new URLSearchParams(location.search);
const scenario = SCENARIOS[query.get("scenario") ?? "escape"] ?? {};
const overrides = JSON.parse(query.get("view") ?? "{}") as Partial<ViewState>;
const theme = (query.get("theme") ?? "light") as Theme;
const view = { ...composeState(PANES).initial, ...scenario.view, ...overrides };
const Host = scenario.recorded === true ? RecordedHost : FixtureHost;
const host = new Host({ ...scenario.options, theme, state: view });
const failing = query.get("fail") as Method | null;
if (failing !== null) host.errors[failing] = failed;
const element = document.getElementById("view");
if (element !== null) window.exbert = { host, view: mount(element, host) };
