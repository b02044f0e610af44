"""The manifest: the one small file that says what a corpus is made of now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

import xxhash

from exbert_rpc.corpus.store.segment import are_plain_texts, damaged
from exbert_rpc.corpus.types import SPACES, Precision, Space
from exbert_rpc.model.types import ModelDescription
from exbert_rpc.text.formats.format import ReadingOptions

MANIFEST = "manifest.json"
_FORMAT = 2
_MOST = 1 << 53  # as large as every JSON reader takes numbers exactly


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What every vector of a corpus has in common; two passes with the same configuration are the same pass.

    Attributes:
        model: Id of the model.
        model_fingerprint: Digest of weights, tokenizer, dtype and versions.
        pipeline: Name of the spaCy pipeline.
        pipeline_fingerprint: Digest of what annotates.
        precision: How vectors are stored.
        layers: Attention layers whose head outputs and attention are stored, ascending.
        hidden_layers: Hidden states that are stored, ascending.
        spaces: What can be searched.
        n_layers: Attention layers of the model.
        n_heads: Its query heads.
        head_size: Width of a head's output.
        hidden_size: Width of the residual stream.
        head_sizes: Width of a head's output in each layer of the model; empty where it is ``head_size`` in all of them.
        hidden_sizes: Width of each hidden state; empty where it is ``hidden_size``.
        dtype: What the model was computed in.
    """

    model: str
    model_fingerprint: str
    pipeline: str
    pipeline_fingerprint: str
    precision: Precision
    layers: tuple[int, ...]
    hidden_layers: tuple[int, ...]
    spaces: tuple[Space, ...]
    n_layers: int
    n_heads: int
    head_size: int
    hidden_size: int
    head_sizes: tuple[int, ...] = ()
    hidden_sizes: tuple[int, ...] = ()
    dtype: str = "float32"

    @property
    def attention_layers(self) -> tuple[int, ...]:
        """Layers whose attention is stored: with ``int8`` all of ``layers``; otherwise none, a rerun gives it."""
        return self.layers if self.precision == "int8" else ()

    def vector_layers(self, space: Space) -> tuple[int, ...]:
        """Layers of a space whose vectors are stored, ascending; none if the space is not stored."""
        if space not in self.spaces:
            return ()
        return self.hidden_layers if space == "hiddenState" else self.layers

    def stored_vectors(self) -> Iterator[tuple[Space, int, int]]:
        """Space, layer and numbers in a row of all vectors that are stored."""
        for space in SPACES:
            for layer in self.vector_layers(space):
                yield space, layer, self.width(space, layer)

    def width(self, space: Space, layer: int) -> int:
        """Numbers in a row of a layer."""
        if space == "hiddenState":
            return self.hidden_sizes[layer] if self.hidden_sizes else self.hidden_size
        return self.n_heads * (self.head_sizes[layer] if self.head_sizes else self.head_size)

    def key(self) -> str:
        """Digest of all that makes vectors comparable (names are not part of it)."""
        body = {key: value for key, value in _plain(self).items() if key not in ("model", "pipeline")}
        return _checksum([_FORMAT, body])


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the corpus: its name, its size, and its checksum (a segment's is that of its table of contents)."""

    name: str
    nbytes: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is current.

    Attributes:
        generation: Grows by one with every build.
        config: What all vectors have in common.
        segments: Segment files, oldest first.
        documents: The document table's file.
        n_documents: Files, and records that count as documents of their own.
        n_sentences: Sentences, counted where they occur.
        n_tokens: Vectors in each layer, counted where they occur.
        format: Of the manifest.
        reading: How its documents are read.
    """

    generation: int
    config: CorpusConfig
    segments: tuple[FileEntry, ...]
    documents: FileEntry
    n_documents: int
    n_sentences: int
    n_tokens: int
    format: int = field(default=_FORMAT)
    reading: ReadingOptions = field(default_factory=ReadingOptions)


def dump_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON bytes that carry their own checksum."""
    body = {**asdict(manifest), "config": _plain(manifest.config)}
    if manifest.reading == ReadingOptions():
        del body["reading"]  # as earlier versions have it
    return json.dumps({"checksum": _checksum(body), "manifest": body}, indent=1).encode()


def load_manifest(data: bytes, name: str) -> Manifest:
    """The manifest back.

    Raises:
        CorpusDamaged: if the bytes are not a manifest, were edited, or are of another format.
    """
    try:
        whole = json.loads(data)
        body, checksum = whole["manifest"], whole["checksum"]
        matches = _checksum(body) == checksum
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise damaged(name, "it is not a manifest") from exc
    if not matches:
        raise damaged(name, "it does not match its checksum")
    if not isinstance(body, dict) or body.get("format") != _FORMAT:
        found = body.get("format") if isinstance(body, dict) else None
        raise damaged(name, f"it is of format {found!r}, this version reads {_FORMAT}")
    try:
        return _from_body(body)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise damaged(name, "a field is missing or of the wrong kind") from exc


def _from_body(body: dict[str, Any]) -> Manifest:
    config: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in body["config"].items()
    }
    manifest = Manifest(
        **{
            **body,
            "config": CorpusConfig(**config),
            "segments": tuple(FileEntry(**entry) for entry in body["segments"]),
            "documents": FileEntry(**body["documents"]),
            "reading": _reading(body.get("reading", {})),
        }
    )
    _check_kinds(manifest)
    return manifest


def _reading(body: dict[str, Any]) -> ReadingOptions:
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
    found = ReadingOptions(**given)
    default = ReadingOptions()
    for name, value in asdict(found).items():
        usual = getattr(default, name)
        if not isinstance(value, (str, type(None)) if usual is None else type(usual)):
            raise TypeError("a way of reading is of the wrong kind")
    return found


def _check_kinds(manifest: Manifest) -> None:
    """Raise ``TypeError`` unless every field is what it should be: the checksum keeps out accidents, not intent."""
    config = manifest.config
    texts = [config.model, config.model_fingerprint, config.pipeline, config.pipeline_fingerprint, config.dtype]
    numbers = [manifest.generation, manifest.n_documents, manifest.n_sentences, manifest.n_tokens]
    numbers += [config.n_layers, config.n_heads, config.head_size, config.hidden_size]
    for entry in (*manifest.segments, manifest.documents):
        texts += [entry.name, entry.checksum]
        numbers.append(entry.nbytes)
    numbers += [*config.layers, *config.hidden_layers, *config.head_sizes, *config.hidden_sizes]
    if not are_plain_texts(texts):
        raise TypeError("a text field is not a text")
    if not all(type(number) is int and 0 <= number < _MOST for number in numbers):
        raise TypeError("a number field is not a number within its limits")
    if config.precision not in get_args(Precision) or not set(config.spaces) <= set(get_args(Space)):
        raise TypeError("no such precision or space")
    if not isinstance(config.spaces, tuple):
        raise TypeError("spaces are a list")
    for layers, end in ((config.layers, config.n_layers), (config.hidden_layers, config.n_layers + 1)):
        if list(layers) != sorted(set(layers)) or any(layer >= end for layer in layers):
            raise ValueError("layers that the model does not have")
    for widths, count in ((config.head_sizes, config.n_layers), (config.hidden_sizes, config.n_layers + 1)):
        if not isinstance(widths, tuple) or len(widths) not in (0, count):
            raise ValueError("widths of layers that the model does not have")


def widths_by_layer(model: ModelDescription) -> dict[str, tuple[int, ...]]:
    """``head_sizes`` and ``hidden_sizes`` of a configuration: empty where all layers of a model are alike."""
    heads = {model.head_sizes[layer] for layer in model.attention_layers}
    return {
        "head_sizes": () if heads == {model.head_size} else model.head_sizes,
        "hidden_sizes": () if set(model.hidden_sizes) == {model.hidden_size} else model.hidden_sizes,
    }


def _plain(config: CorpusConfig) -> dict[str, Any]:
    """Its fields; what is as it was for all models of earlier versions is left out, as they write it."""
    usual = {"head_sizes": (), "hidden_sizes": (), "dtype": "float32"}
    return {name: value for name, value in asdict(config).items() if name not in usual or value != usual[name]}


def _checksum(body: object) -> str:
    return xxhash.xxh3_64_hexdigest(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())
