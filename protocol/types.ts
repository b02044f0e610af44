// Generated from schema.json by generate.mjs; do not edit.
// schema.json sha256: 664576a35f56b3b4485f083dfc6f05bb84eab4cde06afd032407635c5b96f722

/**
 * Nested lists of numbers, one level an axis.
 */
export type Numbers = number | Numbers[];

/**
 * A text input (or the handle of an earlier pass) and what to return of it.
 */
export interface AttendParams {
  /**
   * The text to read.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `range`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * Chat messages instead of a text. The model reads them through its own chat template; behind a last message that is no answer (`assistant`) stands the template's beginning of one.
   */
  messages?: ChatMessage[] | null;
  /**
   * An earlier pass to look at again, instead of a text.
   */
  captureId?: string | null;
  /**
   * Model id; by default the model of the session.
   */
  model?: string | null;
  /**
   * Layers whose attention is returned; by default all.
   */
  layers?: number[] | null;
  /**
   * Heads whose attention is returned; by default all.
   */
  heads?: number[] | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Predictions a token (default 5; 0: none).
   */
  topK?: number | null;
  /**
   * Whether tokens carry spaCy annotations.
   */
  annotate?: boolean;
  /**
   * spaCy pipeline; by default the pipeline of the session.
   */
  pipeline?: string | null;
  /**
   * Whether an answer waits for annotations. `false`: tokens come without them where they are not there when the pass is, for instance because the pipeline is being loaded; `annotationsPending` says so, and `attend` with `captureId` answers them.
   */
  waitForAnnotations?: boolean;
  /**
   * Form of the attention: nested lists, or base64 of float16 or uint8.
   */
  tensors?: "float16" | "list" | "uint8";
  /**
   * What is returned: attention, or attention times the norm of what each token hands over (its value behind the head's output projection; Kobayashi et al. 2020), each row divided by its sum.
   */
  weights?: "attention" | "valueNorm";
  /**
   * Whether the text of a special token, such as `[MASK]`, is read as ordinary characters, or parsed. The special tokens of a chat template are always parsed.
   */
  specialTokens?: "literal" | "parse";
  /**
   * So many tokens at most (1 to 256) are written behind the text by the model itself, each the likeliest one, and are part of the pass. Autoregressive models only. With `captureId`, behind that pass.
   */
  generate?: number | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * A document that the client has opened (LSP).
 */
export interface TextDocumentIdentifier {
  uri: string;
}
/**
 * A half-open stretch of a document (LSP).
 */
export interface Range {
  start: Position;
  end: Position;
}
/**
 * A place in a document (LSP).
 */
export interface Position {
  line: number;
  character: number;
}
/**
 * A message to a chat model.
 */
export interface ChatMessage {
  /**
   * Who says it: `user`, `assistant`, `system`, or what else the model's chat template knows.
   */
  role: string;
  /**
   * What is said.
   */
  content: string;
}
/**
 * Tokens and attention ``[layer][head][query][key]`` of one forward pass.
 */
export interface AttendResult {
  /**
   * Handle of this pass, for later requests.
   */
  captureId: string;
  model: ModelDescription;
  /**
   * Tokens of the text (of the encoder).
   */
  tokens: Token[];
  attention: Tensor;
  /**
   * What the first axis is.
   */
  layers: number[];
  /**
   * What the second axis is.
   */
  heads: number[];
  /**
   * The text that was read; of `messages` the whole prompt, with generated text behind it.
   */
  text: string;
  /**
   * Tokens that the decoder read: the start token, then its text without the last token, as in training. Encoder–decoder models only, as are the next three.
   */
  decoderTokens: DecoderToken[] | null;
  /**
   * Tensor `[len(decoderLayers), len(heads), m, m]`.
   */
  decoderAttention: Tensor | null;
  /**
   * Tensor `[len(decoderLayers), len(heads), m, n]`.
   */
  crossAttention: Tensor | null;
  /**
   * What the first axis of the decoder is.
   */
  decoderLayers: number[] | null;
  /**
   * Sentences that a person should read with the answer.
   */
  notes: string[];
  /**
   * The messages that were read, to whose contents the offsets of tokens refer; null for a text.
   */
  messages: ChatMessage[] | null;
  /**
   * Whether annotations are left out because they were not waited for.
   */
  annotationsPending: boolean;
}
/**
 * What a model is, as it was loaded.
 */
export interface ModelDescription {
  id: string;
  architecture: string;
  kind: "autoregressive" | "bidirectional" | "encoderDecoder";
  /**
   * Layers of the model, with or without attention.
   */
  nLayers: number;
  nHeads: number;
  nKvHeads: number;
  hiddenSize: number;
  headSize: number;
  maxTokens: number;
  hasLmHead: boolean;
  maskToken: string | null;
  fingerprint: string;
  device: string;
  nDecoderLayers: number | null;
  /**
   * Layers that have softmax attention, ascending; the others have hidden states but no heads.
   */
  attentionLayers: number[] | null;
  /**
   * Width of a head's output in each layer (0: no heads); null where it is `headSize` in all that have.
   */
  headSizes: number[] | null;
  /**
   * Width of each hidden state; null where `hiddenSize` is that of all.
   */
  hiddenSizes: number[] | null;
  /**
   * How often each layer attends; the heads of a second attention follow those of the first.
   */
  attentionsPerLayer: number;
  /**
   * What is shown of a residual stream that is several, in words; null: there is one.
   */
  hiddenStateView: string | null;
  /**
   * What weights are kept in, and passes computed in: `float32`, `bfloat16` or `float16`.
   */
  dtype: string;
  /**
   * What of the checkpoint was quantized and what became of it, in words; null: nothing was.
   */
  quantization: string | null;
  /**
   * Weights in the files that the model's class does not have, so that nothing reads them.
   */
  unusedWeights: string[];
}
/**
 * One token of a forward pass. Annotations of special tokens are null; sub-words inherit their word's.
 */
export interface Token {
  index: number;
  id: number;
  token: string;
  text: string;
  start: number;
  end: number;
  segment: number;
  isSpecial: boolean;
  isMasked: boolean;
  pos: string | null;
  tag: string | null;
  dep: string | null;
  lemma: string | null;
  syntacticHead: number | null;
  entity: string | null;
  word: number | null;
  sentence: number | null;
  predictions: Prediction[] | null;
  /**
   * With `messages`: the message whose content the token is of; `start` and `end` count in that content. Null for what the chat template or the model itself wrote, which has `text` and no offsets.
   */
  message: number | null;
  /**
   * Whether the model wrote it (`generate`).
   */
  generated: boolean;
}
/**
 * A token that the language-model head expects.
 */
export interface Prediction {
  token: string;
  id: number;
  probability: number;
}
/**
 * An array of numbers: nested lists, one level an axis, or base64 (little-endian, C order).
 *
 * ``uint8`` means value / 255.
 */
export interface Tensor {
  dtype: "float16" | "float32" | "uint8";
  shape: number[];
  encoding: "base64" | "list";
  data: Numbers | string;
}
/**
 * One token that a decoder behind an encoder reads.
 */
export interface DecoderToken {
  index: number;
  id: number;
  token: string;
  text: string;
  start: number;
  end: number;
  segment: number;
  isSpecial: boolean;
  isMasked: boolean;
  pos: string | null;
  tag: string | null;
  dep: string | null;
  lemma: string | null;
  syntacticHead: number | null;
  entity: string | null;
  word: number | null;
  sentence: number | null;
  predictions: Prediction[] | null;
  /**
   * With `messages`: the message whose content the token is of; `start` and `end` count in that content. Null for what the chat template or the model itself wrote, which has `text` and no offsets.
   */
  message: number | null;
  /**
   * Whether the model wrote it (`generate`).
   */
  generated: boolean;
  /**
   * The token of the decoder's text that this position predicts: the one behind it. Null where the model has no start token, at the last position.
   */
  expected: ExpectedToken | null;
}
/**
 * A token of the vocabulary that a text has where a model predicts.
 */
export interface ExpectedToken {
  token: string;
  id: number;
}
/**
 * What a hit must be. A list means any of its members; all fields must hold.
 */
export interface Filter {
  /**
   * Universal part of speech.
   */
  pos?: string | string[] | null;
  /**
   * Dependency relation.
   */
  dep?: string | string[] | null;
  /**
   * Entity type; `none` outside entities.
   */
  entity?: string | string[] | null;
  /**
   * Text of the token, in either case unless `match_case` is set.
   */
  token?: string | string[] | null;
  /**
   * Names of documents (the end of a path, or of a uri), or globs of them.
   */
  documents?: string | string[] | null;
  /**
   * For keys of the documents' metadata (`folder` is known of all files) the values that are allowed, or globs of them.
   */
  metadata?: {
    [k: string]: string | string[];
  } | null;
  /**
   * Whether upper and lower case of `token` count.
   */
  matchCase?: boolean;
}
/**
 * A token of a text, the space in which its nearest contexts are searched, and which of them count.
 */
export interface ContextQuery {
  /**
   * What is compared: head outputs of an attention layer, or hidden states.
   */
  space?: "headOutput" | "hiddenState";
  /**
   * An earlier pass that holds the query, instead of a text.
   */
  captureId?: string | null;
  /**
   * The text of the query.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `position`, or with `range` and `token`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * The place of the token in the document; its sentence is read.
   */
  position?: Position | null;
  /**
   * Index of the token to look for.
   */
  token?: number | null;
  /**
   * Indices of tokens that count as one, such as the sub-words of a word: their mean is looked for.
   */
  tokens?: number[] | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Model id; by default the model of the corpus.
   */
  model?: string | null;
  /**
   * Hidden state to compare; 0 is the embedding output.
   */
  hiddenLayer?: number | null;
  /**
   * Attention layer whose head outputs are compared.
   */
  layer?: number | null;
  /**
   * Heads that count; by default all.
   */
  heads?: number[] | null;
  /**
   * Contexts to find.
   */
  k?: number;
  /**
   * How heads count: equally, or by the norm of the query (the ranking of exBERT).
   */
  weighting?: "norm" | "uniform";
  /**
   * Whether every vector is compared; by default the server decides.
   */
  exact?: boolean | null;
  /**
   * Whether candidates are scored again by a fresh pass; by default as the precision of the corpus asks.
   */
  rerank?: boolean | null;
  /**
   * One hit for sentences that are identical.
   */
  distinct?: boolean;
  /**
   * What a hit must be.
   */
  filter?: Filter | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * The contexts of a corpus that are nearest to a token.
 */
export interface SearchParams {
  /**
   * What is compared: head outputs of an attention layer, or hidden states.
   */
  space?: "headOutput" | "hiddenState";
  /**
   * An earlier pass that holds the query, instead of a text.
   */
  captureId?: string | null;
  /**
   * The text of the query.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `position`, or with `range` and `token`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * The place of the token in the document; its sentence is read.
   */
  position?: Position | null;
  /**
   * Index of the token to look for.
   */
  token?: number | null;
  /**
   * Indices of tokens that count as one, such as the sub-words of a word: their mean is looked for.
   */
  tokens?: number[] | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Model id; by default the model of the corpus.
   */
  model?: string | null;
  /**
   * Hidden state to compare; 0 is the embedding output.
   */
  hiddenLayer?: number | null;
  /**
   * Attention layer whose head outputs are compared.
   */
  layer?: number | null;
  /**
   * Heads that count; by default all.
   */
  heads?: number[] | null;
  /**
   * Contexts to find.
   */
  k?: number;
  /**
   * How heads count: equally, or by the norm of the query (the ranking of exBERT).
   */
  weighting?: "norm" | "uniform";
  /**
   * Whether every vector is compared; by default the server decides.
   */
  exact?: boolean | null;
  /**
   * Whether candidates are scored again by a fresh pass; by default as the precision of the corpus asks.
   */
  rerank?: boolean | null;
  /**
   * One hit for sentences that are identical.
   */
  distinct?: boolean;
  /**
   * What a hit must be.
   */
  filter?: Filter | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
  /**
   * Name of the corpus to search.
   */
  corpus: string;
}
/**
 * What was searched, how, and how long it took.
 */
export interface SearchStats {
  /**
   * Vectors that were eligible.
   */
  searched: number;
  /**
   * Whether all of them were compared.
   */
  exact: boolean;
  /**
   * Time of the search, hits included.
   */
  milliseconds: number;
  /**
   * Bits that the vectors are stored with.
   */
  precision: "binary" | "int4" | "int8";
  /**
   * Candidates that a fresh pass scored again.
   */
  reranked: number;
  /**
   * What limits the answer, in words.
   */
  note: string | null;
}
/**
 * The nearest contexts, best first.
 */
export interface SearchResult {
  /**
   * Handle of the search, for `summarize`.
   */
  searchId: string;
  model: ModelDescription;
  /**
   * The contexts, best first.
   */
  hits: Hit[];
  stats: SearchStats;
  /**
   * The token that was searched for.
   */
  query: Token | null;
}
/**
 * One context of the corpus. ``cell`` is set for a notebook; its ``range`` then counts in that cell.
 *
 * ``target`` is set for hits of `searchRelations` and examples of `profileHeads`: the token that the match attends to
 * most. ``record`` is set for files of records (rows of a table, lines of JSON Lines, sentences of a treebank) and
 * counts them from 0; ``metadata`` is what else is known of the document.
 */
export interface Hit {
  rank: number;
  score: number;
  document: string;
  range: Range;
  stale: boolean;
  sentence: HitSentence;
  match: number;
  next: number | null;
  tokens: HitToken[];
  attention: HitAttention;
  maxAttention: MaxAttention;
  cell: number | null;
  sentenceRange: Range | null;
  target: number | null;
  record: number | null;
  metadata: {
    [k: string]: string;
  };
}
/**
 * The sentence of a hit: its number in its document, and its exact text.
 */
export interface HitSentence {
  index: number;
  text: string;
}
/**
 * One token of a hit's sentence; ``start`` and ``end`` count within the sentence.
 *
 * ``syntacticHead`` is the first token of the word that the token's word depends on; null where there is none, and in
 * corpora that an earlier version has indexed.
 */
export interface HitToken {
  text: string;
  start: number;
  end: number;
  pos: string | null;
  tag: string | null;
  dep: string | null;
  lemma: string | null;
  entity: string | null;
  isSpecial: boolean;
  syntacticHead: number | null;
}
/**
 * Attention of the match, mean over ``heads``: from it, and to it.
 */
export interface HitAttention {
  layer: number;
  heads: number[];
  outgoing: number[];
  incoming: number[];
}
/**
 * Strongest attention from the match, to the match, and from the next token; null where there is no such token.
 */
export interface MaxAttention {
  outgoing: Peak | null;
  incoming: Peak | null;
  next: Peak | null;
}
/**
 * The strongest attention of a row: where, how far in tokens, how much.
 */
export interface Peak {
  index: number;
  offset: number;
  weight: number;
}
/**
 * Which heads, and what of them.
 */
export interface ProfileParams {
  /**
   * Name of the corpus.
   */
  corpus: string;
  /**
   * Layers to profile; default all that the corpus holds.
   */
  layers?: number[] | null;
  /**
   * Heads to profile; default all.
   */
  heads?: number[] | null;
  /**
   * What to return beside entropy, special and firstToken; default everything. `repeats` is previousToken, duplicateToken and induction.
   */
  measures?: ("offsets" | "relations" | "repeats" | "roles" | "vocabulary")[] | null;
  /**
   * Pairs of a role, or words of a relation, below which it is left out.
   */
  minPairs?: number;
  /**
   * Contexts to return for each significant role and each word of the vocabulary.
   */
  examples?: number;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * Attention at a signed distance in tokens.
 *
 * ``mass`` is the mean attention over the rows whose sentence has a token there, neither of both special; ``share``
 * that of strongest targets (not special) among all rows.
 */
export interface OffsetShare {
  offset: number;
  mass: number;
  share: number;
}
/**
 * Attention between words in a syntactic role (or, ``sameWord``, to other places of the same word).
 *
 * ``expected`` is what the head's mean attention between words at each distance would give; ``low`` and ``high`` are
 * the ends of the lift's 95 % interval over documents, null with fewer than three; ``qValue`` is over all heads and
 * roles. ``n`` counts pairs (``sameWord``: tokens).
 */
export interface Role {
  role: string;
  direction: ("toDependent" | "toHead") | null;
  mass: number;
  expected: number;
  lift: number | null;
  low: number | null;
  high: number | null;
  n: number;
  qValue: number;
  examples: Hit[] | null;
}
/**
 * How often the strongest attention of a word is its syntactic head (Clark et al. 2019), or the other way round.
 *
 * ``baseline`` is the accuracy of the best single distance in words, chosen on other documents than it is scored on;
 * ``offset`` the distance that is best on all.
 */
export interface Relation {
  relation: string;
  direction: "toDependent" | "toHead";
  accuracy: number;
  low: number;
  high: number;
  offset: number;
  baseline: number;
  n: number;
  qValue: number;
}
/**
 * A word that a head looks at ``lift`` times as often as at others; ``low`` is the lower end over documents.
 */
export interface VocabularyWord {
  word: string;
  lift: number;
  low: number;
  n: number;
  examples: Hit[] | null;
}
/**
 * What one head does.
 *
 * ``entropy`` is over all tokens that a row may see, divided by the logarithm of their number; ``special`` and
 * ``firstToken`` are mean attention. ``beyond`` pools what is farther than 8 tokens back (offset -9) and ahead (9).
 * ``previousToken``, ``duplicateToken`` and ``induction`` are mean attention on random repeated tokens; null for
 * models that also see what is ahead.
 */
export interface HeadProfile {
  layer: number;
  head: number;
  entropy: number;
  special: number;
  firstToken: number;
  offsets: OffsetShare[];
  beyond: OffsetShare[];
  roles: Role[];
  relations: Relation[];
  vocabulary: VocabularyWord[];
  previousToken: number | null;
  duplicateToken: number | null;
  induction: number | null;
  findings: string[];
}
/**
 * Profiles by layer and head. ``tokens`` counts the corpus' tokens, each paragraph once.
 *
 * ``notes`` say what is left out of all profiles, and why: for instance roles, if the pipeline has no parser.
 */
export interface ProfileResult {
  corpus: string;
  model: string;
  tokens: number;
  documents: number;
  heads: HeadProfile[];
  notes: string[];
}
/**
 * A search (by its handle, or all fields of `searchContexts`) and what to count in it.
 */
export interface SummarizeParams {
  /**
   * What is compared: head outputs of an attention layer, or hidden states.
   */
  space?: "headOutput" | "hiddenState";
  /**
   * An earlier pass that holds the query, instead of a text.
   */
  captureId?: string | null;
  /**
   * The text of the query.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `position`, or with `range` and `token`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * The place of the token in the document; its sentence is read.
   */
  position?: Position | null;
  /**
   * Index of the token to look for.
   */
  token?: number | null;
  /**
   * Indices of tokens that count as one, such as the sub-words of a word: their mean is looked for.
   */
  tokens?: number[] | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Model id; by default the model of the corpus.
   */
  model?: string | null;
  /**
   * Hidden state to compare; 0 is the embedding output.
   */
  hiddenLayer?: number | null;
  /**
   * Attention layer whose head outputs are compared.
   */
  layer?: number | null;
  /**
   * Heads that count; by default all.
   */
  heads?: number[] | null;
  /**
   * Contexts to find.
   */
  k?: number;
  /**
   * How heads count: equally, or by the norm of the query (the ranking of exBERT).
   */
  weighting?: "norm" | "uniform";
  /**
   * Whether every vector is compared; by default the server decides.
   */
  exact?: boolean | null;
  /**
   * Whether candidates are scored again by a fresh pass; by default as the precision of the corpus asks.
   */
  rerank?: boolean | null;
  /**
   * One hit for sentences that are identical.
   */
  distinct?: boolean;
  /**
   * What a hit must be.
   */
  filter?: Filter | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
  /**
   * Handle of a search, instead of all its fields.
   */
  searchId?: string | null;
  /**
   * Whose labels are counted: the match or the token after it (auto: as the model reads).
   */
  subject?: "auto" | "match" | "next";
  /**
   * Direction of the attention whose strongest target is counted.
   */
  attention?: "incoming" | "outgoing";
  /**
   * Whether special tokens may be that target.
   */
  includeSpecial?: boolean;
  /**
   * What findings are compared with: `word` (the same search in hidden layer 0), `echo` (what else attends to the same words) and `peers` (the other heads of the layer); by default all that apply, `[]` for none.
   */
  controls?: ("echo" | "peers" | "word")[] | null;
  /**
   * Keys of the documents' metadata by which hits are counted, too (`folder` is known of all files).
   */
  metadata?: string[] | null;
  /**
   * Name of the corpus to search.
   */
  corpus?: string | null;
}
/**
 * How often the rows of a control carry a label: the share, and how many rows it is of.
 */
export interface ControlShare {
  share: number;
  n: number;
}
/**
 * How a head stands among the heads of its layer.
 */
export interface Peers {
  /**
   * Its place by the share of a label, from 1; heads with an equal share count as better.
   */
  rank: number;
  /**
   * Heads of the layer.
   */
  of: number;
  /**
   * Median share of the other heads.
   */
  median: number;
}
/**
 * How often a label occurs without the head; ``null`` where that was not looked at, or where there are no rows.
 */
export interface Controls {
  /**
   * The nearest rows of hidden layer 0, read with the same heads: the same word, without any head.
   */
  word: ControlShare | null;
  /**
   * Rows whose strongest attention goes to the same words as that of the hits.
   */
  echo: ControlShare | null;
  /**
   * The same query in each other head of the layer.
   */
  peers: Peers | null;
}
/**
 * One label: how often, how often expected, and how sure. ``qValue`` is Benjamini-Hochberg.
 */
export interface Bin {
  label: string;
  count: number;
  share: number;
  baseline: number;
  lift: number | null;
  low: number;
  high: number;
  qValue: number;
  /**
   * How often without the head; null without controls.
   */
  controls: Controls | null;
}
/**
 * Counts of one attribute over the subjects, or over the targets of their strongest attention.
 */
export interface Histogram {
  of: "maxAttention" | "subject";
  attribute: "dep" | "entity" | "offset" | "pos" | "tag";
  bins: Bin[];
}
/**
 * Hits by the values that one key has in the metadata of their documents; `none` where a document has none.
 */
export interface MetadataHistogram {
  /**
   * The key.
   */
  key: string;
  /**
   * One for each value.
   */
  bins: Bin[];
  /**
   * Plain sentences, strongest first, only what q < 0.05 supports; q is over all keys that were asked for.
   */
  findings: string[];
}
/**
 * One sentence of `findings`, and whose finding it is.
 */
export interface Finding {
  /**
   * The sentence.
   */
  sentence: string;
  /**
   * Histogram that its label stands in.
   */
  of: "maxAttention" | "subject";
  /**
   * Likewise.
   */
  attribute: "dep" | "entity" | "offset" | "pos" | "tag";
  /**
   * The label.
   */
  label: string;
  /**
   * `head` if neither the word nor what is attended to explains it, `word` or `echo` if that does, `unchecked` if a control that is needed to say so was not looked at, or has too few rows to tell.
   */
  verdict: "echo" | "head" | "unchecked" | "word";
  /**
   * Benjamini-Hochberg adjusted p-value, over the findings, of the largest p-value against `word` and `echo`; 1 where neither can tell.
   */
  qValue: number;
  controls: Controls;
}
/**
 * What the hits have in common, against what the corpus has anyway.
 *
 * ``nHits`` counts the hits whose subject exists. If that is ``match``, these are all hits of the search. If it is
 * ``next``, hits whose own ``next`` is null, their match being the last token of its sentence, are left out: of
 * ``nHits``, ``nDistinct``, the histograms and the findings. Such tokens of the corpus are not in ``nBaseline`` and
 * the base rates either.
 *
 * With controls, hits from the query's own sentence are counted, but not in intervals, q-values and verdicts, and hits
 * of one document are worth fewer than independent ones. Findings of the head come first.
 */
export interface SummarizeResult {
  subject: "match" | "next";
  nHits: number;
  nDistinct: number;
  histograms: Histogram[];
  findings: string[];
  searchId: string;
  attention: "incoming" | "outgoing";
  nBaseline: number;
  /**
   * The same findings, each with its verdict.
   */
  findingsDetailed: Finding[];
  /**
   * What limits the controls, in words.
   */
  notes: string[];
  /**
   * Hits by metadata of their documents, for the keys that were asked for.
   */
  metadata: MetadataHistogram[];
}
/**
 * A document given by value.
 */
export interface InlineSource {
  /**
   * Name of the document; its hits carry it.
   */
  uri: string;
  /**
   * The text.
   */
  text: string;
}
/**
 * How files are read, where that is a choice.
 */
export interface Reading {
  /**
   * Name of the format of all sources; by default their endings and contents say it.
   */
  format?: string | null;
  /**
   * Whether each line of a text is one sentence.
   */
  lines?: boolean;
  /**
   * Field or column of records that holds the text; a dotted path reaches into nested ones, a number chooses a column of a table without a header.
   */
  textField?: string | null;
  /**
   * Encoding of files that are no Unicode; by default it is found out, where there is no doubt.
   */
  encoding?: string | null;
  /**
   * What happens to a file with bytes that are no characters: it is left out, or they are replaced.
   */
  errors?: "replace" | "strict";
  /**
   * Parts of Markdown that are not read.
   */
  leaveOut?: ("code" | "frontMatter" | "html")[];
  /**
   * Whether comments and docstrings of source code are read.
   */
  comments?: boolean;
  /**
   * Whether text outputs of notebooks are read.
   */
  outputs?: boolean;
  /**
   * Which annotations texts that bring their own get; `both`: each such sentence is there twice.
   */
  annotations?: "automatic" | "both" | "gold";
  /**
   * Whether files that `.gitignore` names are left out of folders.
   */
  gitignore?: boolean;
}
/**
 * A part of a corpus that gets a search graph.
 */
export interface GraphSection {
  /**
   * What it compares.
   */
  space: "headOutput" | "hiddenState";
  /**
   * Attention layer, or hidden state.
   */
  layer: number;
}
/**
 * What to index, and how.
 */
export interface IndexParams {
  /**
   * Name of the corpus.
   */
  corpus: string;
  /**
   * Paths, globs, or texts with a uri: the whole corpus; a document that is no longer named leaves it. With `graphs` it may be empty: the corpus stays as it is.
   */
  sources: (string | InlineSource)[];
  /**
   * Model id; by default the model of the corpus, else of the session.
   */
  model?: string | null;
  /**
   * spaCy pipeline; by default that of the corpus, else of the session.
   */
  pipeline?: string | null;
  /**
   * Layers to index; by default all.
   */
  layers?: number[] | null;
  /**
   * What to store: hidden states, head outputs, or both (default).
   */
  spaces?: ("headOutput" | "hiddenState")[] | null;
  /**
   * Bits of a stored number.
   */
  precision?: ("binary" | "int4" | "int8") | null;
  /**
   * How files are read; by default as for the corpus that is there, else by their endings.
   */
  reading?: Reading | null;
  /**
   * Whether a corpus of another model may be replaced.
   */
  replace?: boolean;
  /**
   * Parts that get a search graph (with usearch), for corpora so large that comparing every vector is slow. Graphs that are there already follow the corpus.
   */
  graphs?: GraphSection[] | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * Something that was not indexed, and why.
 */
export interface Skipped {
  uri: string;
  reason: string;
}
/**
 * What the corpus holds now, and what this build did.
 */
export interface IndexResult {
  /**
   * Name of the corpus.
   */
  corpus: string;
  /**
   * Documents in it.
   */
  documents: number;
  /**
   * Sentences in it.
   */
  sentences: number;
  /**
   * Tokens in it that are not special.
   */
  tokens: number;
  /**
   * Its size on disk.
   */
  bytes: number;
  /**
   * Time of this build.
   */
  seconds: number;
  /**
   * Documents that were there already.
   */
  unchanged: number;
  /**
   * What was not indexed, and why.
   */
  skipped: Skipped[];
  /**
   * Whether the corpus is what it was, as nothing of the sources could be read.
   */
  kept: boolean;
  /**
   * Search graphs beside the corpus.
   */
  graphs: GraphDescription[];
}
/**
 * A search graph beside a corpus.
 */
export interface GraphDescription {
  /**
   * What it compares.
   */
  space: "headOutput" | "hiddenState";
  /**
   * Attention layer, or hidden state.
   */
  layer: number;
  /**
   * Share of the corpus' vectors that it holds; the others are compared one by one.
   */
  coverage: number;
  /**
   * Size of its file; not counted in that of the corpus.
   */
  bytes: number;
  /**
   * Measured on vectors of the corpus, by number of heads, descending; with fewer heads it is not used.
   */
  recall: GraphRecall[];
  /**
   * Whether its file is not what was written; it is not used then.
   */
  damaged: boolean;
}
/**
 * Share of the exact nearest fifty contexts that a graph finds with so many heads (1 for hidden states).
 */
export interface GraphRecall {
  heads: number;
  recall: number;
}
/**
 * What to look at.
 */
export interface PreviewSourcesParams {
  /**
   * Paths, globs, or texts with a uri, as for `indexCorpus`.
   */
  sources: (string | InlineSource)[];
  /**
   * How files would be read.
   */
  reading?: Reading | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * The files of one format.
 */
export interface PreviewedFormat {
  /**
   * Its name, as `reading.format` takes it; `zip` for archives, which are not opened.
   */
  format: string;
  /**
   * Number of files.
   */
  files: number;
  /**
   * Their size.
   */
  bytes: number;
  /**
   * Fields of their records, one of which `reading.textField` names; empty where a file is a text. Files of records in folders are read only if that field is named.
   */
  fields: string[];
}
/**
 * What `indexCorpus` would read, by format (most files first), and what it would leave out.
 */
export interface PreviewSourcesResult {
  formats: PreviewedFormat[];
  skipped: Skipped[];
}
/**
 * All corpora of the store, by name.
 */
export interface ListCorporaResult {
  corpora: CorpusDescription[];
}
/**
 * What a corpus is. ``damaged`` names files that are not what was written; empty is healthy.
 *
 * ``annotations`` counts texts of treebanks by whose annotations they have: ``gold`` or ``automatic``; texts of other
 * files have those of the pipeline. ``metadata`` has the keys that are known of its documents, and of how many.
 * ``dtype`` is what the model was computed in; it has to run in the same one to search. ``graphs`` are its search
 * graphs, which searches use with ``exact: false``, and by themselves where that is faster.
 */
export interface CorpusDescription {
  corpus: string;
  model: string;
  pipeline: string;
  precision: "binary" | "int4" | "int8";
  documents: number;
  sentences: number;
  tokens: number;
  bytes: number;
  layers: number[];
  spaces: ("headOutput" | "hiddenState")[];
  fingerprint: string;
  damaged: string[];
  annotations: {
    [k: string]: number;
  };
  metadata: {
    [k: string]: number;
  };
  dtype: string;
  graphs: GraphDescription[];
}
/**
 * A corpus by name.
 */
export interface CorpusParams {
  /**
   * Name of the corpus.
   */
  corpus: string;
}
/**
 * The corpus that was removed.
 */
export interface RemoveCorpusResult {
  corpus: string;
  removed: boolean;
}
/**
 * A model that can be asked for.
 */
export interface ModelListing {
  id: string;
  source: string;
  loaded: boolean;
  isDefault: boolean;
}
/**
 * The models that are available without network.
 */
export interface ListModelsResult {
  models: ModelListing[];
}
/**
 * A model by id.
 */
export interface ModelParams {
  /**
   * Hub id, folder, .gguf file, or a name that `listModels` gives.
   */
  model: string;
}
/**
 * Answered by the event loop itself: shows that it is free.
 */
export interface PingResult {
  protocolVersion: string;
  uptimeSeconds: number;
}
/**
 * One head.
 */
export interface HeadIndex {
  /**
   * Attention layer, counted from 0.
   */
  layer: number;
  /**
   * Head of that layer, counted from 0.
   */
  head: number;
}
/**
 * A prediction.
 */
export interface PredictionIndex {
  /**
   * Position whose prediction is meant; by default the last one, or the one that is masked.
   */
  token?: number | null;
  /**
   * The predicted token: its id, or its exact text; by default the likeliest one.
   */
  id?: number | string | null;
}
/**
 * A text input, the heads whose output is replaced, and what is measured.
 */
export interface AblateHeadsParams {
  /**
   * Heads to replace together, or `each`: every head of the model alone.
   */
  heads: HeadIndex[] | "each";
  /**
   * The text to read.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `range`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * An earlier pass, instead of a text.
   */
  captureId?: string | null;
  /**
   * Model id; by default the model of the session.
   */
  model?: string | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * A second text: the measure is the cosine of the two texts (means of the last hidden states over all tokens), with the same heads replaced in both.
   */
  against?: string | null;
  /**
   * What they give instead of their output: their mean, or zero.
   */
  mode?: "mean" | "zero";
  /**
   * Corpus over whose sentences means are taken; by default a text that comes with the package.
   */
  corpus?: string | null;
  /**
   * Whose log-probability is measured; by default the likeliest token of the last or masked position. Models without a language-model head compare the text with its own unchanged pass instead.
   */
  target?: PredictionIndex | null;
  /**
   * Predictions with each head replaced (default 1; 0: none).
   */
  topK?: number;
  /**
   * Whether the pass with the heads replaced is kept; goes with a list of heads.
   */
  keep?: boolean;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * What replacing a head does.
 */
export interface HeadEffect {
  /**
   * Its layer; null for several heads together.
   */
  layer: number | null;
  /**
   * The head; null for several heads together.
   */
  head: number | null;
  /**
   * The measure with the head replaced: log-probability (natural logarithm) of the target, or cosine.
   */
  value: number;
  /**
   * The value less `base`.
   */
  delta: number;
  /**
   * KL divergence (nats) of the prediction from that of the unchanged pass; null for a cosine.
   */
  klDivergence: number | null;
  /**
   * The likeliest tokens with the head replaced; null for a cosine.
   */
  top: Prediction[] | null;
}
/**
 * The prediction that was measured.
 */
export interface PredictionTarget {
  /**
   * Position (of the decoder, if there is one).
   */
  token: number;
  /**
   * Id of the predicted token.
   */
  id: number;
  /**
   * The predicted token as the vocabulary has it.
   */
  piece: string;
}
/**
 * What changes when heads give a constant instead of their output.
 */
export interface AblateHeadsResult {
  /**
   * What the heads gave instead.
   */
  mode: "mean" | "zero";
  /**
   * What `base` and the values are.
   */
  measure: "cosine" | "logProbability";
  /**
   * The measure of the unchanged pass.
   */
  base: number;
  /**
   * One a head, by layer and head; or one for all heads together.
   */
  effects: HeadEffect[];
  model: ModelDescription;
  /**
   * The prediction that was measured; null for a cosine.
   */
  target: PredictionTarget | null;
  /**
   * The likeliest tokens of the unchanged pass; null for a cosine.
   */
  baseTop: Prediction[] | null;
  /**
   * Handle of the pass with the heads replaced, if it is kept; `attend` and `searchContexts` take it.
   */
  captureId: string | null;
}
/**
 * Two passes.
 */
export interface CompareCapturesParams {
  /**
   * Handles of two passes over the same tokens; only masked tokens may differ.
   *
   * @minItems 2
   * @maxItems 2
   */
  captureIds: [string, string];
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * How far the attention of a head differs.
 */
export interface HeadDivergence {
  /**
   * Its layer.
   */
  layer: number;
  /**
   * The head.
   */
  head: number;
  /**
   * Jensen-Shannon distance (base 2) of its two rows, mean over all rows.
   */
  divergence: number;
}
/**
 * How alike a hidden state is in both passes.
 */
export interface HiddenStateCosine {
  /**
   * Which hidden state; 0 is the embedding output.
   */
  hiddenLayer: number;
  /**
   * One a token.
   */
  cosine: number[];
}
/**
 * A position whose likeliest token differs.
 */
export interface ChangedPrediction {
  /**
   * The position (of the decoder, if there is one).
   */
  token: number;
  before: Prediction;
  after: Prediction;
}
/**
 * How two passes over the same tokens differ.
 */
export interface CompareCapturesResult {
  /**
   * Every head, by layer and head.
   */
  heads: HeadDivergence[];
  /**
   * Every hidden state.
   */
  hiddenStates: HiddenStateCosine[];
  /**
   * The positions whose likeliest token differs; empty without a language-model head.
   */
  predictions: ChangedPrediction[];
}
/**
 * A text input, and the prediction (or the second text) that is explained.
 */
export interface DecomposeParams {
  /**
   * The text to read.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `range`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * An earlier pass, instead of a text.
   */
  captureId?: string | null;
  /**
   * Model id; by default the model of the session.
   */
  model?: string | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Position whose prediction is explained; by default the last one.
   */
  token?: number | null;
  /**
   * The predicted token: its id, or its exact text; by default the likeliest one.
   */
  target?: number | string | null;
  /**
   * Another token, whose logit is subtracted; by default the mean of all logits is.
   */
  contrast?: number | string | null;
  /**
   * A second text, instead of `token`, `target` and `contrast`: the cosine of the two texts (means of the last hidden states over all tokens) is explained.
   */
  against?: string | null;
  /**
   * Predictions a hidden state (default 3; 0: none).
   */
  topK?: number;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * A part of the sum.
 */
export interface Part {
  /**
   * What it is; `bias` are all biases together, that of the language-model head among them.
   */
  kind: "bias" | "embedding" | "head" | "mlp";
  /**
   * Its layer; null for embedding and bias.
   */
  layer: number | null;
  /**
   * Its head; null unless it is one.
   */
  head: number | null;
  /**
   * What it contributes.
   */
  value: number;
}
/**
 * What a hidden state predicts through the final norm and the language-model head.
 */
export interface LensLayer {
  /**
   * Which hidden state; 0 is the embedding output.
   */
  hiddenLayer: number;
  /**
   * Its likeliest tokens.
   */
  top: Prediction[];
  /**
   * Rank of the target, 1 for the likeliest.
   */
  targetRank: number;
  /**
   * Probability of the target.
   */
  targetProbability: number;
}
/**
 * The parts of a model that a prediction, or the similarity of two texts, is the sum of.
 */
export interface DecomposeResult {
  /**
   * What `total` is: logit less the mean of all logits, less another logit, or cosine.
   */
  measure: "cosine" | "logit" | "logitDifference";
  /**
   * The number that is explained.
   */
  total: number;
  /**
   * The total less the sum of the parts: rounding.
   */
  residual: number;
  /**
   * Embedding, heads, MLPs and biases; norms are frozen at their scale in this pass.
   */
  parts: Part[];
  model: ModelDescription;
  /**
   * The prediction; null for a cosine.
   */
  target: PredictionTarget | null;
  /**
   * The token whose logit was subtracted, if one was named.
   */
  contrast: PredictionTarget | null;
  /**
   * Tensor `[n, m]` over pairs of tokens, which sums to the cosine; null for a prediction.
   */
  tokenPairs: Tensor | null;
  /**
   * What each hidden state predicts at that position; empty for a cosine.
   */
  lens: LensLayer[];
}
/**
 * One row of one head of an earlier pass.
 */
export interface QueryKeyParams {
  /**
   * Handle of the pass.
   */
  captureId: string;
  /**
   * The row: position of the token that attends.
   */
  token: number;
  /**
   * Its layer.
   */
  layer: number;
  /**
   * Its head.
   */
  head: number;
  /**
   * Whose attention; `encoder` is also that of a model with one stack.
   */
  stack?: "cross" | "decoder" | "encoder";
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * Query and keys of a row. Its weights are the softmax of ``query · key * scaling + bias``.
 */
export interface QueryKeyResult {
  /**
   * The layer.
   */
  layer: number;
  /**
   * The head.
   */
  head: number;
  /**
   * The token that attends.
   */
  token: number;
  /**
   * Whose attention.
   */
  stack: "cross" | "decoder" | "encoder";
  /**
   * One number a dimension.
   */
  query: number[];
  keys: Tensor;
  /**
   * Factor on the products of query and key.
   */
  scaling: number;
  /**
   * The scaled products x become `softcap * tanh(x / softcap)` before the bias is added; null: they stay.
   */
  softcap: number | null;
  /**
   * One number a key: relative positions, distances; 0 where a key is hidden.
   */
  bias: number[];
  /**
   * Keys that the row cannot see, by position; they have no weight.
   */
  hidden: number[];
  /**
   * A score that takes part in the softmax and is no key; null: there is none.
   */
  sink: number | null;
  /**
   * The attention row, one number a key.
   */
  weights: number[];
}
/**
 * A head, two tokens of a text between which it draws a relation, and where pairs like them are searched.
 */
export interface SearchRelationsParams {
  /**
   * Name of the corpus to search.
   */
  corpus: string;
  /**
   * Index of the token that attends.
   */
  source: number;
  /**
   * Index of the token that is attended to.
   */
  target: number;
  /**
   * Attention layer of the head.
   */
  layer: number;
  /**
   * Head of that layer.
   */
  head: number;
  /**
   * The text of the query.
   */
  text?: string | null;
  /**
   * A second segment.
   */
  textPair?: string | null;
  /**
   * An open document; goes with `range`.
   */
  textDocument?: TextDocumentIdentifier | null;
  /**
   * The part of the document to read.
   */
  range?: Range | null;
  /**
   * An earlier pass that holds the query, instead of a text.
   */
  captureId?: string | null;
  /**
   * Model id; by default the model of the corpus.
   */
  model?: string | null;
  /**
   * Token positions that are replaced by the mask token.
   */
  mask?: number[] | null;
  /**
   * Contexts to find.
   */
  k?: number;
  /**
   * What the attending token of a hit must be.
   */
  filter?: Filter | null;
  /**
   * Least attention of a hit's token to its target.
   */
  minWeight?: number;
  /**
   * One hit for sentences that are identical.
   */
  distinct?: boolean;
  /**
   * Whether candidates are scored again by a fresh pass; by default as the precision of the corpus asks.
   */
  rerank?: boolean | null;
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * Contexts in which the head draws the relation, best first.
 */
export interface SearchRelationsResult {
  /**
   * Handle of the search, for `summarize`.
   */
  searchId: string;
  model: ModelDescription;
  /**
   * The contexts, best first. The score is the mean of two cosines, of sources and of targets, in the hidden state that the head's layer reads; `match` is the source, and `target` what it attends to most.
   */
  hits: Hit[];
  stats: SearchStats;
  source: Token;
  target: Token;
  /**
   * The head's attention from source to target in the query.
   */
  weight: number;
}
/**
 * For methods that take nothing.
 */
export interface NoParams {
  /**
   * Token that progress is reported under (LSP).
   */
  workDoneToken?: number | string | null;
}
/**
 * ``capabilities.experimental.exbert`` of the answer to ``initialize``.
 *
 * ``device`` is ``auto`` unless the server was started with a device; ``describeModel`` says where a model runs.
 */
export interface ExperimentalCapability {
  protocolVersion: string;
  methods: string[];
  defaultModel: string;
  device: string;
}
/**
 * ``error.data`` of every error that this server sends; further fields depend on ``kind``.
 */
export interface ErrorData {
  kind: string;
  hint: string;
}

/** Version of the protocol that these types are of; the server's answer to `initialize` carries its own. */
export const PROTOCOL_VERSION = "1.1";

/** Every method with what it takes and what it answers. */
export interface Methods {
  attend: { params: AttendParams; result: AttendResult };
  searchContexts: { params: SearchParams; result: SearchResult };
  profileHeads: { params: ProfileParams; result: ProfileResult };
  summarize: { params: SummarizeParams; result: SummarizeResult };
  indexCorpus: { params: IndexParams; result: IndexResult };
  previewSources: { params: PreviewSourcesParams; result: PreviewSourcesResult };
  listCorpora: { params: NoParams; result: ListCorporaResult };
  describeCorpus: { params: CorpusParams; result: CorpusDescription };
  removeCorpus: { params: CorpusParams; result: RemoveCorpusResult };
  listModels: { params: NoParams; result: ListModelsResult };
  describeModel: { params: ModelParams; result: ModelDescription };
  ping: { params: NoParams; result: PingResult };
  ablateHeads: { params: AblateHeadsParams; result: AblateHeadsResult };
  compareCaptures: { params: CompareCapturesParams; result: CompareCapturesResult };
  decompose: { params: DecomposeParams; result: DecomposeResult };
  queryKey: { params: QueryKeyParams; result: QueryKeyResult };
  searchRelations: { params: SearchRelationsParams; result: SearchRelationsResult };
}

export type Method = keyof Methods;

/** Code of every error by its `data.kind`. */
export const ERROR_CODES = {
  /** a request came before initialize */
  notInitialized: -32002,
  /** not a JSON-RPC request, or one that may not come now */
  invalidRequest: -32600,
  /** no such method */
  methodNotFound: -32601,
  /** a field is wrong: which one, why, and what is allowed */
  invalidParams: -32602,
  /** a fault of the server; its log says more */
  internal: -32603,
  /** the bytes are not a JSON message */
  parseError: -32700,
  /** the client cancelled the request */
  cancelled: -32800,
  /** no such model where the server may look */
  modelNotFound: -33001,
  /** the model cannot be loaded safely or reproduced exactly; says why */
  modelNotSupported: -33002,
  /** no corpus of that name; lists those there are */
  corpusNotFound: -33003,
  /** the corpus was built by another model, tokenizer or pipeline; says which */
  corpusMismatch: -33004,
  /** a file of the corpus is not what was written; names it */
  corpusDamaged: -33005,
  /** the text is too long; gives both lengths */
  textTooLong: -33006,
  /** the answer would be too large; says what to ask for instead */
  answerTooLarge: -33007,
  /** a captureId or searchId that is unknown or has expired */
  unknownHandle: -33008,
  /** another build of this corpus runs, or too many queued requests */
  busy: -33009,
  /** the store cannot be written: disk full, read-only, no permission */
  storageFailed: -33010,
} as const;

export type ErrorKind = keyof typeof ERROR_CODES;
