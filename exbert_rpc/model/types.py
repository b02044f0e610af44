"""What one forward pass is, in NumPy arrays on the CPU.

Axes are named by letters: ``L`` attention layers, ``H`` heads, ``n`` tokens, ``d`` head size, ``D`` hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from exbert_rpc.model.query_key import QueryKeyRow

ModelKind = Literal["bidirectional", "autoregressive", "encoderDecoder"]
Stream = Literal["self", "decoder", "cross"]
Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a model is.

    Attributes:
        id: The id it was asked for by.
        architecture: Class name, such as ``BertModel``.
        kind: How its attention is masked.
        n_layers: Layers, with or without attention (of the encoder, for an encoder-decoder model).
        n_heads: Query heads.
        n_kv_heads: Key/value heads; fewer than ``n_heads`` under grouped-query attention.
        hidden_size: Width of the residual stream where it begins.
        head_size: Width of one head's output, in the first layer that has heads; measured, not divided.
        max_tokens: Longest input, special tokens included.
        has_lm_head: Whether the checkpoint carries a language-model head.
        mask_token: The tokenizer's mask token, if it has one.
        fingerprint: Hex digest of weights, configuration, tokenizer, dtype and library versions.
        device: Where it runs.
        n_decoder_layers: Layers of the decoder; ``None`` unless encoder-decoder.
        attention_layers: Layers that have softmax attention, ascending; the others have hidden states only. By default
            all of them.
        head_sizes: Width of a head's output in each layer, 0 without attention. By default ``head_size`` everywhere.
        hidden_sizes: Width of each hidden state. By default ``hidden_size`` everywhere.
        attentions_per_layer: How often each layer attends. The heads of its second attention follow those of the
            first one, so that ``n_heads`` counts both.
        hidden_view: In words what is shown of a residual stream that is several; ``None``: there is one.
        unused_weights: Names of weights in the files that the model's class does not have, so that nothing reads them.
        dtype: What weights are kept in, and passes computed in.
        quantization: In words what of the checkpoint was quantized, and what became of it; ``None``: nothing was.
    """

    id: str
    architecture: str
    kind: ModelKind
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden_size: int
    head_size: int
    max_tokens: int
    has_lm_head: bool
    mask_token: str | None
    fingerprint: str
    device: str
    n_decoder_layers: int | None = None
    attention_layers: tuple[int, ...] = ()
    head_sizes: tuple[int, ...] = ()
    hidden_sizes: tuple[int, ...] = ()
    attentions_per_layer: int = 1
    hidden_view: str | None = None
    unused_weights: tuple[str, ...] = ()
    dtype: Dtype = "float32"
    quantization: str | None = None

    def __post_init__(self) -> None:
        """What is left out is the same in all layers."""
        shown = self.attention_layers or tuple(range(self.n_layers))
        sizes = tuple(self.head_size if layer in shown else 0 for layer in range(self.n_layers))
        object.__setattr__(self, "attention_layers", shown)
        object.__setattr__(self, "head_sizes", self.head_sizes or sizes)
        object.__setattr__(self, "hidden_sizes", self.hidden_sizes or (self.hidden_size,) * (self.n_layers + 1))


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """A token of the vocabulary that a text has where a model predicts."""

    token: str
    id: int


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message to a chat model: who says it (``user``, ``assistant``, ``system`` …), and what."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where the content of a message stands in what the model reads.

    Attributes:
        role: Who says it.
        content: As it was given.
        start: Offset in the text of its first character that is read.
        end: Offset behind the last one.
        skipped: Characters of white space at the beginning that the template strips.
    """

    role: str
    content: str
    start: int
    end: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text (or a pair) as a tokenizer cut it. The text is never rewritten.

    Attributes:
        text: First segment, as it was given.
        pair: Second segment, or ``None``.
        ids: int64 ``[n]``, ids as the model reads them (masked positions hold the mask token's id).
        tokens: Vocabulary forms, ``n`` of them.
        start: int32 ``[n]``, offset of each token's first character in its segment's text; 0 for tokens that the
            tokenizer added.
        end: int32 ``[n]``, offset behind its last character; equal to ``start`` for tokens that the tokenizer added.
        segment: int32 ``[n]``, 0 or 1: the text or the pair.
        is_special: bool ``[n]``, tokens that the tokenizer added ([CLS], <s> …), and those of a chat template. Typed
            ones only where a request asks to parse them.
        is_masked: bool ``[n]``, positions that the caller asked to mask.
        type_ids: int32 ``[n]``, token types as the model reads them (BERT's segments); ``None``: all 0.
        expected: ``n`` tokens of the text that a decoder behind an encoder is trained to predict at each position
            (``None`` where there is none); ``None`` for all other models.
        messages: Where the contents of chat messages stand in ``text``; ``None``: it is an ordinary text.
        generated: bool ``[n]``, tokens that the model wrote itself, at the end; ``None``: none.
    """

    text: str
    pair: str | None
    ids: NDArray[np.int64]
    tokens: tuple[str, ...]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    segment: NDArray[np.int32]
    is_special: NDArray[np.bool_]
    is_masked: NDArray[np.bool_]
    type_ids: NDArray[np.int32] | None = None
    expected: tuple[ExpectedToken | None, ...] | None = None
    messages: tuple[MessagePlace, ...] | None = None
    generated: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One candidate of the language-model head at one position; ``probability`` in [0, 1]."""

    token: str
    id: int
    probability: float


class Capture(Protocol):
    """One forward pass over one encoding: everything that was asked of it, and what more it can still give.

    ``hidden_state(i)`` float32 ``[n, D]``: 0 is the embedding output, ``i`` the output of layer ``i - 1``,
    as transformers' ``output_hidden_states`` defines them (the last one is behind the final norm, where there is one).
    ``head_output(layer)`` float32 ``[H, n, d]``: softmax(QKᵀ)·V of each head, before the output projection; only of
    layers that have attention. Widths may differ by layer; where they don't, all layers are one array, too.
    For an encoder-decoder model both are the encoder's.
    """

    @property
    def info(self) -> ModelDescription:
        """The model."""
        ...

    @property
    def encoding(self) -> Encoding:
        """The tokens of the pass (of the encoder)."""
        ...

    @property
    def decoder_encoding(self) -> Encoding | None:
        """The decoder's tokens; ``None`` unless encoder-decoder."""
        ...

    def hidden_state(self, hidden_layer: int) -> NDArray[np.float32]:
        """float32 ``[n, D]``."""
        ...

    def head_output(self, layer: int) -> NDArray[np.float32]:
        """float32 ``[H, n, d]``; raises ``InvalidParams`` for a layer without attention."""
        ...

    @property
    def hidden_states(self) -> NDArray[np.float32]:
        """float32 ``[L + 1, n, D]``."""
        ...

    @property
    def head_outputs(self) -> NDArray[np.float32]:
        """float32 ``[L, H, n, d]``."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that this capture keeps in memory."""
        ...

    def attention(
        self, layers: Sequence[int], heads: Sequence[int] | None = None, stream: Stream = "self"
    ) -> NDArray[np.float32]:
        """float32 ``[len(layers), len(heads), n_query, n_key]`` in [0, 1], rows sum to 1; no second forward pass."""
        ...

    def query_key(self, layer: int, head: int, row: int, stream: Stream = "self") -> QueryKeyRow:
        """Query and keys of one attention row; see :class:`~exbert_rpc.model.query_key.QueryKeyRow`."""
        ...

    def predictions(self, k: int) -> tuple[tuple[Prediction, ...], ...] | None:
        """The ``k`` likeliest tokens at each position (next ones, if autoregressive); ``None`` without an LM head."""
        ...


@dataclass(frozen=True, slots=True)
class BatchCapture:
    """What was asked of one text of a batch, padding removed. ``n`` is that text's number of tokens.

    The arrays may be views of those of the whole batch, which live for as long as one of its captures does.

    Attributes:
        encoding: The text's tokens.
        hidden_states: For each hidden layer asked for float32 ``[n, D]``.
        head_outputs: For each layer float32 ``[H, n, d]``.
        attention: For each layer float32 ``[H, n, n]``, rows sum to 1.
    """

    encoding: Encoding
    hidden_states: Sequence[NDArray[np.float32]]
    head_outputs: Sequence[NDArray[np.float32]]
    attention: Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model that can be asked for without network: its ``id``, and in words where it comes from."""

    id: str
    source: str
