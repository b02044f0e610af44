"""A model that is ready: text in, captures out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.capture import PassCapture, batch_captures, check_range
from exbert_rpc.model.encoding import TextTokenizer
from exbert_rpc.model.lanes import open_lanes
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network


class LoadedModel:
    """A loaded, verified model with its tokenizer. Safe to use from several threads.

    Made by :func:`exbert_rpc.model.loading.load_model`.
    """

    def __init__(
        self, info: ModelDescription, network: Network, tokenizer: TextTokenizer, vocabulary: Sequence[str], pad_id: int
    ) -> None:
        self._info = info
        self._network = network
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._pad_id = pad_id

    @property
    def info(self) -> ModelDescription:
        """What the model is."""
        return self._info

    def lanes(self) -> ThreadPoolExecutor:
        """Threads to run :meth:`capture_batch` side by side, which is faster; the caller closes them."""
        return open_lanes(self._info.device, side_by_side=self._network.side_by_side)

    def tokenize(self, text: str, pair: str | None = None, mask: Sequence[int] = ()) -> Encoding:
        """Tokens of a text or a pair, some of them masked.

        An encoder-decoder model's encoder reads ``text`` alone; its decoder reads ``pair`` in :meth:`capture`.

        Raises:
            InvalidParams: A text is blank or not well-formed Unicode, or ``mask`` names no maskable token.
            TextTooLong: More characters or tokens than can be taken; both lengths are in the error.
        """
        if pair is not None and self._network.is_encoder_decoder:
            return self._tokenizer.tokenize_pair_aside(text, pair, mask)
        return self._tokenizer.tokenize(text, pair, mask)

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokens of many single texts; their lengths are left to :meth:`check_length`."""
        return self._tokenizer.tokenize_many(texts)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, special ones included; it may exceed ``info.max_tokens``."""
        return self._tokenizer.count_tokens(text)

    def check_length(self, encoding: Encoding) -> None:
        """Return at once, or raise :class:`~exbert_rpc.errors.TextTooLong` with both lengths."""
        self._tokenizer.check_length(encoding)

    def capture(self, encoding: Encoding, decoder_encoding: Encoding | None = None) -> PassCapture:
        """One forward pass.

        Args:
            encoding: Of :meth:`tokenize`.
            decoder_encoding: What the decoder of an encoder-decoder model reads; by default the encoding's pair,
                or the text itself without one.

        Raises:
            InvalidParams: A ``decoder_encoding`` for a model that has no decoder beside its encoder.
            ModelNotSupported: The model gave numbers that are not finite.
        """
        self._check_runnable(encoding)
        inputs = self._inputs([encoding])
        if self._network.is_encoder_decoder:
            decoder_encoding = self._decoder_encoding(encoding, decoder_encoding)
            inputs["decoder_input_ids"] = self._inputs([decoder_encoding])["input_ids"]
        elif decoder_encoding is not None:
            raise InvalidParams("textPair", f"{self._info.architecture} has no decoder of its own")
        raw = self._network.run(inputs)
        return PassCapture(self._info, encoding, decoder_encoding, raw, self._network, self._vocabulary)

    def capture_batch(
        self,
        encodings: Sequence[Encoding],
        *,
        hidden_layers: Sequence[int],
        layers: Sequence[int],
        attention_layers: Sequence[int],
    ) -> list[BatchCapture]:
        """Passes over several texts at once, keeping only the layers asked for and running no deeper than they need.

        The numbers are those of single passes (to 1e-5); of an encoder-decoder model they are the encoder's.

        Raises:
            InvalidParams: A layer is out of range.
            TextTooLong: One of the texts has more tokens than the model takes.
            ModelNotSupported: The model gave numbers that are not finite.
        """
        check_range("hiddenLayers", hidden_layers, self._info.n_layers + 1, "hidden layer")
        check_range("layers", [*layers, *attention_layers], self._info.n_layers, "layer")
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
            given = self._tokenizer.tokenize(encoding.text if encoding.pair is None else encoding.pair)
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
                f"{self._network.n_embeddings} embeddings",
                hint="leave that token out of the text",
            )

    def _inputs(self, encodings: Sequence[Encoding]) -> dict[str, torch.Tensor]:
        return model_inputs(encodings, self._pad_id, self._network.device)


def model_inputs(encodings: Sequence[Encoding], pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
    """int64 ``[b, n]`` each: ids, attention mask and (if the model reads them) token types, padded on the right."""
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
