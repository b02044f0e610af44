/** Annotations of the tokens on show: a picture does not wait for a pipeline that is being loaded. */
import { type AppState, attentionLayersOf, type Capture, IDLE, isSamePass } from "../app";
import type { Host } from "../host";
import { Latest } from "../logic/latest";
import type { AttendResult, Token } from "../protocol";
import type { Store } from "../store";
import { asHostError } from "./errors";

/** What a pipeline says of a token. Everything else of it was there before. */
type Annotations = Pick<Token, "pos" | "tag" | "dep" | "lemma" | "syntacticHead" | "entity" | "word" | "sentence">;

function annotationsOf({ pos, tag, dep, lemma, syntacticHead, entity, word, sentence }: Token): Annotations {
  return { pos, tag, dep, lemma, syntacticHead, entity, word, sentence };
}

function annotated(tokens: readonly Token[], from: readonly Token[]): readonly Token[] {
  return tokens.map((token, i) => ({ ...token, ...annotationsOf(from[i]) }));
}

export class LateAnnotations {
  private readonly asking = new Latest();

  constructor(
    private readonly host: Host,
    private readonly store: Store<AppState>,
  ) {}

  /** Drops what was asked for the text before. */
  cancel(): void {
    this.asking.cancel();
  }

  /** Asks for the annotations of a capture and fills them in. A failure leaves the picture, and says what is missing. */
  async fetch(capture: Capture): Promise<void> {
    const isShown = () => isSamePass(this.store.get().capture, capture);
    this.store.set({ annotating: { phase: "busy", progress: null } });
    try {
      const outcome = await this.asking.run((signal) => this.request(capture, signal));
      if (outcome.kind === "done" && isShown()) this.fill(outcome.value);
    } catch (thrown) {
      if (!isShown()) return;
      const error = asHostError(thrown);
      const notice = `Annotations are missing: ${error.message}`;
      this.store.set({ annotating: { phase: "failed", error }, notice });
    }
  }

  /** The least attention that a server answers: one layer of one head, in bytes. */
  private request(capture: Capture, signal: AbortSignal): Promise<AttendResult> {
    const layers = attentionLayersOf(capture, "encoder").slice(0, 1);
    const least = layers.length === 0 ? {} : { layers, heads: [0] };
    const params = { captureId: capture.id, topK: 0, tensors: "uint8", ...least } as const;
    return this.host.request("attend", params, { signal });
  }

  private fill({ tokens, decoderTokens }: AttendResult): void {
    const { capture } = this.store.get();
    if (capture === null) return;
    const decoder = capture.decoderTokens;
    this.store.set({
      annotating: IDLE,
      capture: {
        ...capture,
        tokens: annotated(capture.tokens, tokens),
        decoderTokens: decoder === null ? null : annotated(decoder, decoderTokens ?? decoder),
      },
    });
  }
}
