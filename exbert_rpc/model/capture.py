"""One forward pass as NumPy arrays, with the weights of any layer computed when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.predictions import top_predictions
from exbert_rpc.model.query_key import NotVisible, QueryKeyRow, query_key_row
from exbert_rpc.model.types import BatchCapture, Encoding, ModelDescription, Prediction, Stream

if TYPE_CHECKING:
    import torch

    from exbert_rpc.model.network import Network
    from exbert_rpc.model.passes import LayerAttention, RawPass

    _Layers = NDArray[np.float32] | list[torch.Tensor]


class PassCapture:
    """What a single text (or pair) left in a model; see :class:`exbert_rpc.model.types.Capture`."""

    def __init__(
        self,
        info: ModelDescription,
        encoding: Encoding,
        decoder_encoding: Encoding | None,
        raw: RawPass,
        network: Network,
        vocabulary: Sequence[str],
    ) -> None:
        self._info = info
        self._encoding = encoding
        self._decoder_encoding = decoder_encoding
        # most captures are only looked at: layers are put together when somebody asks for them
        self._hidden: _Layers = [raw.hidden[layer][0] for layer in sorted(raw.hidden)]
        self._heads: _Layers = [raw.heads[layer][0].transpose(0, 1) for layer in sorted(raw.heads)]
        self._attention = {stream: _without_outputs(layers) for stream, layers in raw.attention.items()}
        self._final = raw.final
        self._network = network
        self._vocabulary = vocabulary
        # whatever is not finite on the way is not finite in the end
        for last in (self._hidden[-1], self._final.last_hidden_state):
            check_finite(_array(last), info)

    @property
    def info(self) -> ModelDescription:
        """The model."""
        return self._info

    @property
    def encoding(self) -> Encoding:
        """The tokens of the pass (of the encoder)."""
        return self._encoding

    @property
    def decoder_encoding(self) -> Encoding | None:
        """The decoder's tokens; ``None`` unless encoder-decoder."""
        return self._decoder_encoding

    def hidden_state(self, hidden_layer: int) -> NDArray[np.float32]:
        """float32 ``[n, D]``."""
        return self._alone(self._hidden, hidden_layer)

    def head_output(self, layer: int) -> NDArray[np.float32]:
        """float32 ``[H, n, d]``; raises ``InvalidParams`` for a layer without attention."""
        check_attends("layer", (layer,), self._info)
        return self._alone(self._heads, self._info.attention_layers.index(layer))

    @property
    def hidden_states(self) -> NDArray[np.float32]:
        """float32 ``[L + 1, n, D]``; raises ``ModelNotSupported`` where widths differ."""
        self._hidden = hidden = self._together(self._hidden)
        return hidden

    @property
    def head_outputs(self) -> NDArray[np.float32]:
        """float32 ``[A, H, n, d]`` of the layers that have attention; raises ``ModelNotSupported`` as above."""
        self._heads = heads = self._together(self._heads)
        return heads

    @property
    def nbytes(self) -> int:
        """Bytes that this capture keeps in memory, tensors shared between layers counted once."""
        kept: dict[int, int] = {}
        for layers in self._attention.values():
            for layer in layers.values():
                kept |= {_address(tensor): _size(tensor) for tensor in layer.tensors}
        final = self._final.last_hidden_state
        kept[_address(final)] = _size(final)
        return sum(int(vectors.nbytes) for vectors in (*self._hidden, *self._heads)) + sum(kept.values())

    def attention(
        self, layers: Sequence[int], heads: Sequence[int] | None = None, stream: Stream = "self"
    ) -> NDArray[np.float32]:
        """float32 ``[len(layers), len(heads), n_query, n_key]`` in [0, 1], rows sum to 1; no second forward pass.

        Raises:
            InvalidParams: A layer or head is out of range, or the model has no such stream.
        """
        import torch

        of_stream = self._layers_of(stream, layers, "layers")
        check_range("heads", heads or (), self._info.n_heads, "head")
        chosen = list(range(self._info.n_heads)) if heads is None else list(heads)
        with torch.inference_mode():
            weights = [_array(of_stream[layer].weights(0, chosen)) for layer in layers]
        if not weights:
            n_query, n_key = self._lengths(stream)
            return np.zeros((0, len(chosen), n_query, n_key), dtype=np.float32)
        return weights[0] if len(weights) == 1 else np.concatenate(weights)

    def query_key(self, layer: int, head: int, row: int, stream: Stream = "self") -> QueryKeyRow:
        """Query and keys of one attention row, checked against its weights.

        Raises:
            InvalidParams: A layer, head or row is out of range, or the model has no such stream.
            ModelNotSupported: They cannot be seen, or do not give the attention; says why.
        """
        import torch

        of_stream = self._layers_of(stream, (layer,), "layer")
        check_range("head", (head,), self._info.n_heads, "head")
        check_range("token", (row,), self._lengths(stream)[0], "token")
        with torch.inference_mode():
            try:
                return query_key_row(of_stream[layer], row, head)
            except NotVisible as exc:
                raise ModelNotSupported(
                    f"query and keys of {self._info.id} ({self._info.architecture}) cannot be shown: {exc}",
                    hint="Its attention can be shown with `attend`.",
                ) from exc

    def predictions(self, k: int) -> tuple[tuple[Prediction, ...], ...] | None:
        """The ``k`` likeliest tokens at each position (next ones, if autoregressive); ``None`` without an LM head.

        For an encoder-decoder model the positions are the decoder's.
        """
        if not self._info.has_lm_head:
            return None
        n = len(self._encoding.ids) if self._decoder_encoding is None else len(self._decoder_encoding.ids)
        return top_predictions(
            lambda first, last: self._network.logits(self._final, first, last), n, k, self._vocabulary
        )

    def _together(self, layers: _Layers) -> NDArray[np.float32]:
        """Layers as one array; who asks at the same time from another thread gets an equal one."""
        if isinstance(layers, np.ndarray):
            return layers
        check_widths([layer.shape[-1] for layer in layers], layers[0].shape[-1], self._info)
        stacked = _stacked(layers)
        check_finite(stacked, self._info)
        return stacked

    def _alone(self, layers: _Layers, place: int) -> NDArray[np.float32]:
        if isinstance(layers, np.ndarray):
            one: NDArray[np.float32] = layers[place]
            return one
        found = _array(layers[place])
        check_finite(found, self._info)
        return found

    def _layers_of(self, stream: Stream, layers: Sequence[int], field: str) -> Mapping[int, LayerAttention]:
        """The attention of a stream that has these layers."""
        of_stream = self._attention.get(stream)
        if not of_stream:
            raise InvalidParams("stream", f"{self._info.architecture} has no {stream!r} attention", hint="use 'self'")
        if stream == "self":
            check_attends(field, layers, self._info)
        else:
            check_range(field, layers, len(of_stream), "layer")
        return of_stream

    def _lengths(self, stream: Stream) -> tuple[int, int]:
        n = len(self._encoding.ids)
        decoder = n if self._decoder_encoding is None else len(self._decoder_encoding.ids)
        return {"self": (n, n), "decoder": (decoder, decoder), "cross": (decoder, n)}[stream]


def batch_captures(
    encodings: Sequence[Encoding],
    raw: RawPass,
    hidden_layers: Sequence[int],
    layers: Sequence[int],
    attention_layers: Sequence[int],
    info: ModelDescription,
) -> list[BatchCapture]:
    """Each text's share of a pass, padding (on the right) cut off.

    Raises:
        ModelNotSupported: Some of the numbers are not finite.
    """
    import torch

    with torch.inference_mode():
        hidden = [_array(raw.hidden[layer]) for layer in hidden_layers]
        heads = [_array(raw.heads[layer].transpose(1, 2)) for layer in layers]
        weights = [_array(raw.attention["self"][layer].weights()) for layer in attention_layers]
    captures = [
        BatchCapture(
            encoding=encoding,
            hidden_states=[array[item, : len(encoding.ids)] for array in hidden],
            head_outputs=[array[item, :, : len(encoding.ids)] for array in heads],
            attention=[array[item, :, : len(encoding.ids), : len(encoding.ids)] for array in weights],
        )
        for item, encoding in enumerate(encodings)
    ]
    if not all(map(_is_finite, (*hidden, *heads))):  # padding may hold anything
        for capture in captures:
            for array in (*capture.hidden_states, *capture.head_outputs):
                check_finite(array, info)
    return captures


def check_range(field: str, chosen: Sequence[int], size: int, what: str) -> None:
    """Return at once, or raise InvalidParams for the first index outside ``0 .. size - 1``."""
    for index in chosen:
        if not 0 <= index < size:
            raise InvalidParams(
                field, f"there is no {what} {index}", hint=f"{what}s are 0 to {size - 1}", limit=size - 1
            )


def check_attends(field: str, chosen: Sequence[int], info: ModelDescription) -> None:
    """Return at once, or raise InvalidParams for the first layer that is not there, or has no attention."""
    check_range(field, chosen, info.n_layers, "layer")
    without = [layer for layer in chosen if layer not in info.attention_layers]
    if without:
        shown = ", ".join(map(str, info.attention_layers))
        raise InvalidParams(
            field,
            f"layer {without[0]} of {info.id} ({info.architecture}) has no softmax attention, so it has no heads",
            hint=f"Layers with attention: {shown}. The others have hidden states only.",
            allowed=list(info.attention_layers),
        )


def check_widths(found: Sequence[int], expected: int, info: ModelDescription) -> None:
    """Return at once, or raise ModelNotSupported: layers of several widths can't be stored, or compared, as one."""
    if any(width != expected for width in found):
        widths = ", ".join(str(width) for width in sorted({expected, *found}))
        raise ModelNotSupported(
            f"{info.id} ({info.architecture}): its layers have vectors of different widths ({widths}), "
            "which are no single array",
            hint="ask for one layer at a time",
        )


def check_finite(array: NDArray[np.float32], info: ModelDescription) -> None:
    """Return at once, or raise ModelNotSupported: a model that gives NaN or infinity is not searched or shown."""
    if not _is_finite(array):
        raise ModelNotSupported(
            f"{info.id} ({info.architecture}) gave numbers that are not finite for this text",
            hint="its weights may be damaged, or were trained for another precision",
        )


def _is_finite(array: NDArray[np.float32]) -> bool:
    with np.errstate(all="ignore"):
        total = np.sum(array)
    # a sum that is finite has no other terms, and takes no memory; one that is not may merely be too large
    return bool(np.isfinite(total)) or bool(np.isfinite(array).all())


def _without_outputs(layers: Mapping[int, LayerAttention]) -> dict[int, LayerAttention]:
    """The same weights to be, without the outputs that have been copied already."""
    return {
        number: replace(layer, calls=tuple(replace(call, output=None, value=None) for call in layer.calls))
        for number, layer in layers.items()
    }


def _stacked(tensors: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    import torch

    with torch.inference_mode():
        stacked: NDArray[np.float32] = torch.stack([one.float().cpu() for one in tensors]).numpy()
    return stacked


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array


def _address(tensor: Any) -> int:  # noqa: ANN401 - a torch tensor, without importing torch
    return int(tensor.untyped_storage().data_ptr())


def _size(tensor: Any) -> int:  # noqa: ANN401
    return int(tensor.untyped_storage().nbytes())
