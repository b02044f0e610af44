"""A model that is ready: text in, captures out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.capture import PassCapture, batch_captures, check_attends, check_range
from exbert_rpc.model.contributions import Contributions, NotSeparable, Reading, of_prediction, of_similarity
from exbert_rpc.model.decoder_input import decoder_input
from exbert_rpc.model.encoding import TextTokenizer
from exbert_rpc.model.generation import check_generates, deviations, generate_greedily
from exbert_rpc.model.intervene import Ablation, Head, Interventions, PassEnd
from exbert_rpc.model.lanes import open_lanes
from exbert_rpc.model.lens import find_final_norm, lens_logits
from exbert_rpc.model.predictions import vocabulary_form
from exbert_rpc.model.prompts import Prompts
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription, Prediction
from exbert_rpc.model.value_norms import value_norms

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network

_PROBE = "The girl ran to a local pub."


class LoadedModel:
    """A loaded, verified model with its tokenizer. Safe to use from several threads.

    Made by :func:`exbert_rpc.model.loading.load_model`.

    Args:
        info: What it is.
        network: Its verified network.
        tokenizer: Its tokenizer.
        vocabulary: Token of each id.
        pad_id: Id that fills the shorter texts of a batch; hidden by the attention mask.
    """

    def __init__(
        self,
        info: ModelDescription,
        network: Network,
        tokenizer: TextTokenizer,
        vocabulary: Sequence[str],
        pad_id: int,
        *,
        target_tokenizer: TextTokenizer | None = None,
        prompts: Prompts | None = None,
    ) -> None:
        self._info = info
        self._network = network
        self._tokenizer = tokenizer
        self._target_tokenizer = tokenizer if target_tokenizer is None else target_tokenizer
        self._prompts = prompts
        self._vocabulary = vocabulary
        self._pad_id = pad_id

    @property
    def info(self) -> ModelDescription:
        """What the model is."""
        return self._info

    @property
    def prompts(self) -> Prompts:
        """Cuts chat messages, and texts whose special tokens are meant."""
        if self._prompts is None:
            raise ModelNotSupported(f"{self._info.id}: its tokenizer reads ordinary texts only")
        return self._prompts

    def lanes(self) -> ThreadPoolExecutor:
        """Threads to run :meth:`capture_batch` side by side, which is faster; the caller closes them."""
        return open_lanes(self._info.device, side_by_side=self._network.side_by_side)

    def tokenize(self, text: str, pair: str | None = None, mask: Sequence[int] = ()) -> Encoding:
        """Tokens of a text or a pair, some of them masked.

        An encoder-decoder model's encoder reads ``text`` alone; its decoder reads ``pair`` in :meth:`capture`.

        Args:
            text: At most 1,000,000 characters, not blank.
            pair: A second segment, under the same limits.
            mask: Positions of tokens, in [0, n), that the mask token replaces.

        Raises:
            InvalidParams: A text is blank or not well-formed Unicode, or ``mask`` names no maskable token.
            TextTooLong: More characters or tokens than can be taken; both lengths are in the error.
        """
        if pair is not None and self._network.is_encoder_decoder:
            return self._tokenizer.tokenize_pair_aside(text, pair, mask)
        return self._tokenizer.tokenize(text, pair, mask)

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokens of many single texts; their lengths in tokens are left to :meth:`check_length`.

        Raises:
            InvalidParams: One of the texts is blank or not well-formed Unicode.
            TextTooLong: One has more than 1,000,000 characters.
        """
        return self._tokenizer.tokenize_many(texts)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, special ones included; it may exceed ``info.max_tokens``.

        Raises:
            InvalidParams: The text is blank or not well-formed Unicode.
            TextTooLong: It has more than 1,000,000 characters.
        """
        return self._tokenizer.count_tokens(text)

    def token(self, id_: int) -> str:
        """Vocabulary form of an id, at least 0; ``<id>`` for ids behind the end of the vocabulary."""
        return vocabulary_form(self._vocabulary, id_)

    def prediction(self, id_: int, probability: float) -> Prediction:
        """A candidate of the language-model head: an id, at least 0, and its probability in [0, 1]."""
        return Prediction(self.token(id_), id_, probability)

    def check_length(self, encoding: Encoding) -> None:
        """Return at once, or raise :class:`~exbert_rpc.errors.TextTooLong` with both lengths."""
        self._tokenizer.check_length(encoding)

    def capture(
        self, encoding: Encoding, decoder_encoding: Encoding | None = None, ablation: Ablation | None = None
    ) -> PassCapture:
        """One forward pass.

        Args:
            encoding: Of :meth:`tokenize`.
            decoder_encoding: What the decoder of an encoder-decoder model reads; by default the encoding's pair,
                or the text itself without one, shifted right behind the start token (``model/decoder_input.py``).
            ablation: Heads that give a constant instead of their output.

        Raises:
            InvalidParams: A ``decoder_encoding`` for a model that has no decoder beside its encoder.
            TextTooLong: More tokens than the model takes.
            ModelNotSupported: The model gave numbers that are not finite, or has no embedding for one of the ids.
        """
        inputs, decoder_encoding = self._inputs_of(encoding, decoder_encoding)
        raw = self._network.run(inputs, edit=None if ablation is None else self._interventions.edit(ablation))
        return PassCapture(self._info, encoding, decoder_encoding, raw, self._network, self._vocabulary)

    def continued(self, encoding: Encoding, n: int, watch: Callable[[int], None]) -> Encoding:
        """A text with at most ``n`` tokens behind it that the model writes, greedily; see ``model/generation.py``.

        Raises:
            InvalidParams, TextTooLong: as of :func:`~exbert_rpc.model.generation.check_generates`.
        """
        check_generates(self._info, encoding, n)
        inputs, _decoder = self._inputs_of(encoding, None)
        return self.prompts.continuation(encoding, generate_greedily(self._network, inputs, n, watch))

    @property
    def generation_settings(self) -> dict[str, Any]:
        """Settings of :func:`~exbert_rpc.model.generation.deviations`; most models have none."""
        return deviations(self._network)

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """Passes over several texts at once, keeping only the layers asked for and running no deeper than they need.

        The numbers are those of single passes (to 1e-5, in bfloat16 and float16 to their rounding); of an
        encoder-decoder model they are the encoder's.

        Args:
            encodings: Texts of any lengths.
            hidden_layers: Hidden states to keep, each in [0, L].
            layers: Layers whose head outputs to keep, each one that has attention.
            attention_layers: Layers whose attention to keep, each one that has attention.

        Returns:
            One capture a text, in the order of ``encodings``.

        Raises:
            InvalidParams: A layer is out of range, or has no attention.
            TextTooLong: One of the texts has more tokens than the model takes.
            ModelNotSupported: The model gave numbers that are not finite.
        """
        check_range("hiddenLayers", hidden_layers, self._info.n_layers + 1, "hidden layer")
        check_attends("layers", [*layers, *attention_layers], self._info)
        for encoding in encodings:
            self._check_runnable(encoding)
        found: dict[int, BatchCapture] = {}
        for group in self._groups(encodings):
            raw = self._network.run_selected(
                self._inputs([encodings[index] for index in group]), hidden_layers, layers, attention_layers
            )
            chosen = [encodings[index] for index in group]
            captures = batch_captures(chosen, raw, hidden_layers, layers, attention_layers, self._info)
            found |= dict(zip(group, captures, strict=True))
        return [found[index] for index in range(len(encodings))]

    def ablate_each(
        self,
        encoding: Encoding,
        decoder_encoding: Encoding | None,
        heads: Sequence[Head],
        values: NDArray[np.float32],
        position: int | None,
        watch: Callable[[float], None] | None = None,
    ) -> Iterator[PassEnd]:
        """How a pass ends with each of the heads replaced, one at a time, in the order of ``heads``.

        The numbers are those of :meth:`ablate` for each of the heads alone, to 3e-5; passes are shared where the model
        allows it.

        Args:
            encoding: The text.
            decoder_encoding: As of :meth:`capture`.
            heads: Pairs of layer and head; neighbors of one layer share passes.
            values: float32 ``[L, H, d]``: what each head gives instead of its output.
            position: Token (of the decoder, if there is one) where logits are wanted; ``None``: nowhere.
            watch: Is told the share of the work that is done, in [0, 1], before each layer; what it raises ends the
                passes.

        Raises:
            InvalidParams, TextTooLong, ModelNotSupported: As of :meth:`capture`.
        """
        inputs, _decoder = self._inputs_of(encoding, decoder_encoding)
        yield from self._interventions.each(inputs, heads, values, position, watch)

    def ablate(
        self,
        encoding: Encoding,
        decoder_encoding: Encoding | None,
        ablation: Ablation | None,
        position: int | None,
    ) -> PassEnd:
        """How a whole pass ends, with all heads of an ablation replaced together (``None``: unchanged).

        Args:
            encoding: The text.
            decoder_encoding: As of :meth:`capture`.
            ablation: Heads, and float32 ``[L, H, d]`` of what they give instead.
            position: Token in [0, n) (of the decoder, if there is one) where logits are wanted; ``None``: nowhere.

        Raises:
            InvalidParams, TextTooLong, ModelNotSupported: As of :meth:`capture`.
        """
        inputs, _decoder = self._inputs_of(encoding, decoder_encoding)
        return self._interventions.end(inputs, ablation, position)

    def explain_prediction(
        self, encoding: Encoding, position: int, target: int, contrast: int | None = None
    ) -> Contributions:
        """Parts of a logit less the mean of all logits at that position, or less the logit of ``contrast``.

        Args:
            encoding: The text.
            position: Token, in [0, n).
            target: Id of a vocabulary entry.
            contrast: Another id; ``None``: the mean of all logits.

        Raises:
            TextTooLong: More tokens than the model takes.
            ModelNotSupported: Its parts cannot be told apart.
        """
        return self._explain(encoding, lambda reading: of_prediction(reading, position, target, contrast))

    def explain_similarity(self, encoding: Encoding, other: NDArray[np.float32]) -> Contributions:
        """Parts of the cosine, in [-1, 1], of the mean last hidden state with ``other`` (float32 ``[D]``, not zero).

        Raises:
            TextTooLong: More tokens than the model takes.
            ModelNotSupported: Its parts cannot be told apart.
        """
        return self._explain(encoding, lambda reading: of_similarity(reading, other))

    def value_norms(self, encoding: Encoding) -> NDArray[np.float32]:
        """Norm of each token's value behind each head's output projection.

        Returns:
            float32 ``[A, H, n]``, at least 0; ``A`` layers have attention, in the order of ``info.attention_layers``.

        Raises:
            TextTooLong: More tokens than the model takes.
            ModelNotSupported: Values or projections cannot be seen.
        """
        inputs, _decoder = self._inputs_of(encoding, None)
        try:
            return value_norms(self._network, inputs, self._info.n_layers)
        except NotSeparable as exc:
            raise ModelNotSupported(
                f"{self._info.architecture} gives no value-weighted attention: {exc}", hint='use `weights: "attention"`'
            ) from exc

    def lens(self, encoding: Encoding, position: int) -> NDArray[np.float32]:
        """float32 ``[L + 1, vocabulary]``: logits of each hidden state at a position in [0, n), behind the final norm.

        Raises:
            TextTooLong: More tokens than the model takes.
            ModelNotSupported: Its hidden states are not alike.
        """
        self._check_one_stream()
        inputs, _decoder = self._inputs_of(encoding, None)
        norm = find_final_norm(self._network, inputs, self._interventions.plan().layers)
        rows = lens_logits(self._network, self._network.run(inputs), position, norm)
        return np.stack([row.float().cpu().numpy() for row in rows])

    def _check_one_stream(self) -> None:
        """Return at once, or raise ModelNotSupported: parts and lenses read one residual stream, of one width."""
        info = self._info
        if info.hidden_view is not None or len(set(info.hidden_sizes)) > 1:
            what = "residual stream is several" if info.hidden_view is not None else "hidden states differ in width"
            raise ModelNotSupported(
                f"{info.architecture} cannot be decomposed: its {what}", hint="replace heads instead (`ablateHeads`)"
            )

    def _explain(self, encoding: Encoding, explain: Callable[[Reading], Contributions]) -> Contributions:
        self._check_one_stream()
        if self._network.is_narrow:
            raise ModelNotSupported(
                f"{self._info.id} runs in {self._info.dtype}, whose rounding is larger than many of its parts",
                hint="start with --dtype float32, or replace heads instead (`ablateHeads`)",
            )
        inputs, _decoder = self._inputs_of(encoding, None)
        reading = Reading(self._network, inputs, self._info.n_layers, self._interventions.plan().layers)
        try:
            return explain(reading)
        except NotSeparable as exc:
            raise ModelNotSupported(f"{self._info.architecture} cannot be decomposed: {exc}") from exc

    @cached_property
    def _interventions(self) -> Interventions:
        probe, _decoder = self._inputs_of(self._tokenizer.tokenize(_PROBE), None)
        return Interventions(self._network, self._info.n_layers, probe)

    def _inputs_of(
        self, encoding: Encoding, decoder_encoding: Encoding | None
    ) -> tuple[dict[str, torch.Tensor], Encoding | None]:
        """Inputs of one text, and what the decoder reads."""
        self._check_runnable(encoding)
        inputs = self._inputs([encoding])
        if self._network.is_encoder_decoder:
            decoder_encoding = self._decoder_encoding(encoding, decoder_encoding)
            inputs["decoder_input_ids"] = self._inputs([decoder_encoding])["input_ids"]
        elif decoder_encoding is not None:
            raise InvalidParams("textPair", f"{self._info.architecture} has no decoder of its own")
        return inputs, decoder_encoding

    def _groups(self, encodings: Sequence[Encoding]) -> list[list[int]]:
        """What may share a pass: everything, or texts on the same side of each length at which the model changes.

        Where padding changes the numbers, only texts of one length share one.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, encoding in enumerate(encodings):
            groups.setdefault(self._side(len(encoding.ids)), []).append(index)
        return list(groups.values())

    def _side(self, length: int) -> tuple[int, ...]:
        if not self._network.padding_is_harmless:
            return (length,)
        return tuple((length > limit) - (length < limit) for limit in self._network.split_at)

    def _decoder_encoding(self, encoding: Encoding, given: Encoding | None) -> Encoding:
        if given is None:
            target = self._target_tokenizer.tokenize(encoding.text if encoding.pair is None else encoding.pair)
            given = decoder_input(self._network.model, target, self._vocabulary)
        self._check_runnable(given)
        return given

    def _check_runnable(self, encoding: Encoding) -> None:
        self.check_length(encoding)
        if len(encoding.ids) == 0:
            raise InvalidParams("text", "the tokenizer keeps nothing of it", hint="send text with visible characters")
        highest = int(encoding.ids.max())
        if highest >= self._network.n_embeddings:
            form = encoding.tokens[int(encoding.ids.argmax())]
            raise ModelNotSupported(
                f"{self._info.id}: its tokenizer gives {form!r} the id {highest}, but it has only "
                f"{self._network.n_embeddings} embeddings (in {encoding.text[:60]!r})",
                hint="its embeddings were not resized for added tokens: call resize_token_embeddings and save the "
                "model again, or leave that token out of the text",
            )

    def _inputs(self, encodings: Sequence[Encoding]) -> dict[str, torch.Tensor]:
        return model_inputs(encodings, self._pad_id, self._network.device)


def model_inputs(encodings: Sequence[Encoding], pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
    """int64 ``[b, n]`` each: ids, attention mask and (if the model reads them) token types, padded on the right.

    Args:
        encodings: ``b`` texts, at least one; ``n`` is the length of the longest.
        pad_id: Fills the ids of the shorter ones.
        device: Where the tensors are made.

    Returns:
        ``input_ids``, ``attention_mask`` (1: a token, 0: padding) and, if a text has them, ``token_type_ids``.
    """
    import torch

    longest = max(len(encoding.ids) for encoding in encodings)
    ids = np.full((len(encodings), longest), pad_id, dtype=np.int64)
    visible = np.zeros_like(ids)
    types = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        n = len(encoding.ids)
        ids[row, :n] = encoding.ids
        visible[row, :n] = 1
        if encoding.type_ids is not None:
            types[row, :n] = encoding.type_ids
    inputs = {"input_ids": ids, "attention_mask": visible}
    if any(encoding.type_ids is not None for encoding in encodings):
        inputs["token_type_ids"] = types
    return {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}
