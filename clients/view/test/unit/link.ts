/** A link of version 0.1.0 in which every choice differs from its default, and what it says. */
export const LINK_0_1_0 = [
  "eyJ2ZXJzaW9uIjoxLCJpbnB1dCI6eyJ0ZXh0IjoiRGFzIE3DpGRjaGVuIPCfmIAgbGllZi4iLCJ0ZXh0UGFpciI6IuKAnHNv4oCdIn0sImxhYmVsIjoibm90",
  "ZXMubWQ6MTIiLCJtb2RlbCI6Im0iLCJjb3JwdXMiOiJicm93biIsInN0YWNrIjoiZGVjb2RlciIsImxheWVyIjoyLCJoZWFkcyI6WzExXSwidG9wUGVyY2Vu",
  "dCI6NTUsImhpZGVTcGVjaWFsIjpmYWxzZSwid29yZHMiOnRydWUsImNvbWJpbmUiOiJzdW0iLCJzZWdtZW50cyI6IkFCIiwicGlubmVkIjp7InNpZGUiOiJs",
  "ZWZ0IiwidG9rZW4iOjl9LCJtYXNrIjpbMyw0XSwic3BhY2UiOiJoaWRkZW5TdGF0ZSIsImhpZGRlbkxheWVyIjo1LCJrIjoyMCwid2VpZ2h0aW5nIjoibm9y",
  "bSIsImRpc3RpbmN0Ijp0cnVlLCJmaWx0ZXIiOnsicG9zIjoiVkVSQiwgQVVYIiwiZGVwIjoiIiwiZW50aXR5IjoiIiwidG9rZW4iOiIiLCJkb2N1bWVudHMi",
  "OiIifSwiZGlyZWN0aW9uIjoiaW5jb21pbmciLCJyb3dzIjoia3dpYyIsImNvbHVtbnMiOiJkZXAiLCJjb2x1bW5zTGVmdCI6MiwiY29sdW1uc1JpZ2h0Ijoz",
  "LCJzdW1tYXJ5QnkiOiJ0YWciLCJzdW1tYXJ5Rm9sZGVkIjp0cnVlLCJiYXIiOnsib2YiOiJtYXhBdHRlbnRpb24iLCJhdHRyaWJ1dGUiOiJvZmZzZXQiLCJs",
  "YWJlbCI6Ii0xIn0sInBhbmUiOiJzdW1tYXJ5In0",
].join("");

export const CHOICES_0_1_0 = {
  version: 1,
  input: { text: "Das Mädchen 😀 lief.", textPair: "“so”" },
  label: "notes.md:12",
  model: "m",
  corpus: "brown",
  stack: "decoder",
  layer: 2,
  heads: [11],
  topPercent: 55,
  hideSpecial: false,
  words: true,
  combine: "sum",
  segments: "AB",
  pinned: { side: "left", token: 9 },
  mask: [3, 4],
  space: "hiddenState",
  hiddenLayer: 5,
  k: 20,
  weighting: "norm",
  distinct: true,
  filter: { pos: "VERB, AUX", dep: "", entity: "", token: "", documents: "" },
  direction: "incoming",
  rows: "kwic",
  columns: "dep",
  columnsLeft: 2,
  columnsRight: 3,
  summaryBy: "tag",
  summaryFolded: true,
  bar: { of: "maxAttention", attribute: "offset", label: "-1" },
  pane: "summary",
};

/** What a view of 0.1.0 takes for a choice that a link does not name. */
export const DEFAULTS_0_1_0 = {
  version: 1, input: null, label: "", model: null, corpus: null, stack: "encoder", layer: 0, heads: null, topPercent: 70,
  hideSpecial: true, words: false, combine: "mean", segments: "all", pinned: null, mask: [], space: "headOutput", hiddenLayer: null,
  k: 50, weighting: "uniform", distinct: false, filter: { pos: "", dep: "", entity: "", token: "", documents: "" },
  direction: "outgoing", rows: "auto", columns: "pos", columnsLeft: 1, columnsRight: 1, summaryBy: "pos", summaryFolded: false,
  bar: null, pane: "attention",
};
