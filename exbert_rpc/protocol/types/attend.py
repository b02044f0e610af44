"""``attend``: tokens and attention of one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.types.base import (
    ChatMessage,
    Index,
    Params,
    ProgressToken,
    Range,
    Result,
    Signature,
    Tensor,
    TensorForm,
    TextDocumentIdentifier,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.tokens import DecoderToken, Token


class AttendParams(Params, frozen=True, kw_only=True):
    """A text input (or the handle of an earlier pass) and what to return of it.

    Attributes:
        text: The text to read.
        text_pair: A second segment.
        text_document: An open document; goes with `range`.
        range: The part of the document to read.
        messages: Chat messages instead of a text. The model reads them through its own chat template; behind a last
            message that is no answer (`assistant`) stands the template's beginning of one.
        capture_id: An earlier pass to look at again, instead of a text.
        model: Model id; by default the model of the session.
        layers: Layers whose attention is returned; by default all.
        heads: Heads whose attention is returned; by default all.
        mask: Token positions that are replaced by the mask token.
        top_k: Predictions a token (default 5; 0: none).
        annotate: Whether tokens carry spaCy annotations.
        pipeline: spaCy pipeline; by default the pipeline of the session.
        wait_for_annotations: Whether an answer waits for annotations. `false`: tokens come without them where they are
            not there when the pass is, for instance because the pipeline is being loaded; `annotationsPending` says so,
            and `attend` with `captureId` answers them.
        tensors: Form of the attention: nested lists, or base64 of float16 or uint8.
        weights: What is returned: attention, or attention times the norm of what each token hands over (its value
            behind the head's output projection; Kobayashi et al. 2020), each row divided by its sum.
        special_tokens: Whether the text of a special token, such as `[MASK]`, is read as ordinary characters, or
            parsed. The special tokens of a chat template are always parsed.
        generate: So many tokens at most (1 to 256) are written behind the text by the model itself, each the likeliest
            one, and are part of the pass. Autoregressive models only. With `captureId`, behind that pass.
        work_done_token: Token that progress is reported under (LSP).
    """

    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    messages: list[ChatMessage] | None = None
    capture_id: str | None = None
    model: str | None = None
    layers: list[Index] | None = None
    heads: list[Index] | None = None
    mask: list[Index] | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    annotate: bool = True
    pipeline: str | None = None
    wait_for_annotations: bool = True
    tensors: TensorForm = "list"
    weights: Literal["attention", "valueNorm"] = "attention"
    special_tokens: Literal["literal", "parse"] = "literal"
    generate: Annotated[int, Meta(ge=1, le=256)] | None = None
    work_done_token: ProgressToken | None = None


class AttendResult(Result, frozen=True, kw_only=True, dict=True):
    """Tokens and attention ``[layer][head][query][key]`` of one forward pass.

    Attributes:
        capture_id: Handle of this pass, for later requests.
        model: The model that ran.
        tokens: Tokens of the text (of the encoder).
        attention: Tensor `[len(layers), len(heads), n, n]`; rows sum to 1.
        layers: What the first axis is.
        heads: What the second axis is.
        text: The text that was read; of `messages` the whole prompt, with generated text behind it.
        decoder_tokens: Tokens that the decoder read: the start token, then its text without the last token, as in
            training. Encoder–decoder models only, as are the next three.
        decoder_attention: Tensor `[len(decoderLayers), len(heads), m, m]`.
        cross_attention: Tensor `[len(decoderLayers), len(heads), m, n]`.
        decoder_layers: What the first axis of the decoder is.
        notes: Sentences that a person should read with the answer.
        messages: The messages that were read, to whose contents the offsets of tokens refer; null for a text.
        annotations_pending: Whether annotations are left out because they were not waited for.
    """

    capture_id: str
    model: ModelDescription
    tokens: list[Token]
    attention: Tensor
    layers: list[int]
    heads: list[int]
    text: str
    decoder_tokens: list[DecoderToken] | None = None
    decoder_attention: Tensor | None = None
    cross_attention: Tensor | None = None
    decoder_layers: list[int] | None = None
    notes: list[str] = field(default_factory=list)
    messages: list[ChatMessage] | None = None
    annotations_pending: bool = False

    def _repr_html_(self) -> str:
        """For notebooks; no script, at most 50 kB."""
        from exbert_rpc.protocol.html.attention import attention_html  # only a notebook draws

        return attention_html(self)

    def report(
        self,
        path: str | Path,
        *,
        corpus: str | None = None,
        layer: int | None = None,
        heads: Sequence[int] | None = None,
        token: int | None = None,
    ) -> Path:
        """Write one page that shows this text, all of its attention, and contexts of its tokens, and needs no server.

        The server reads the text again.

        Args:
            path: The file to write.
            corpus: Where contexts come from; ``None``: the page has none.
            layer: Attention layer that the page opens with; ``None``: the last one.
            heads: Heads that are shown and searched; ``None``: all.
            token: Index of the token whose contexts the page opens with.

        Raises:
            InvalidParams: this is no answer of a ``Client`` to ``attend(text=…)`` alone.
            ExbertError: what the server refuses: no such corpus (``CorpusNotFound``), layer or token.
        """
        page = self.__dict__.get("_page")
        if page is None:
            raise InvalidParams(
                "report",
                "holds a single text as the model reads it",
                hint="ask a Client for attend(text=…), without pair, mask, handle or continuation",
            )
        pinned = None if token is None else {"side": "left", "token": int(token)}
        view = {"input": {"text": self.text}, "model": self.model.id, "corpus": corpus, "layer": layer}
        chosen = None if heads is None else [int(head) for head in heads]
        target = Path(path)
        target.write_text(page({**view, "heads": chosen, "pinned": pinned}), encoding="utf-8", newline="\n")
        return target

    def reported_by(self, page: Callable[[dict[str, object]], str]) -> None:
        """Say what makes the page of a view state; for clients."""
        self.__dict__["_page"] = page


def is_plain_text(params: AttendParams) -> bool:
    """Whether params name a text that is read as it is, which is what a page can show."""
    wanted = (params.text_pair, params.mask or None, params.generate, params.capture_id)
    plain = params.special_tokens == "literal" and params.weights == "attention"
    return params.text is not None and plain and all(one is None for one in wanted)


SIGNATURE = Signature("attend", AttendParams, AttendResult, order=1)
