"""Bytes a token, against exBERT's files for the same sentences.

exBERT keeps for each sentence, in HDF5 and float32, the hidden states, the head outputs and the attention of every
layer, and beside that a FAISS flat index for each layer of both. Its layout is written here for the same content as
ours: the layers of zeros that it adds in front, and its annotations, are left out, which makes its files smaller.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import faiss
import h5py
import numpy as np
import torch
from transformers import BertConfig, BertModel

from benchmarks.fake import config_of
from benchmarks.models import MINILM, tokenizer
from benchmarks.replay import Replay
from benchmarks.rows import Row, at_most
from benchmarks.scale import Scale
from benchmarks.texts import paragraphs, source
from exbert_rpc.corpus.build.builder import Builder
from exbert_rpc.corpus.build.sentences import tokenize_block
from exbert_rpc.corpus.store.folders import Store
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.types import Encoding
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.calibration import calibration_texts
from exbert_rpc.text.types import Document

SECTION = "Size"
_GOALS = {"int8": 7, "int4": 14, "binary": 40}
_BATCH = 16


def run(scale: Scale) -> list[Row]:
    """MiniLM with its weights; BERT-base's shapes with random ones."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bert_base = _random_bert_base(root / "bert-base")
        for name, model_id, tokens in (
            ("MiniLM (6 × 12 heads, 384)", MINILM, scale.built // 5),
            ("BERT-base shapes (12 × 12 heads, 768), random weights", bert_base, scale.built // 10),
        ):
            model = load_model(model_id, cache_dir=root / "models")
            rows += _measure(name, model, root / f"{model.info.n_layers}-layers", tokens)
    return rows


def _measure(name: str, loaded: CorpusModel, root: Path, n_tokens: int) -> list[Row]:
    annotator = Annotator("en_core_web_sm")
    texts = paragraphs(int(4.4 * n_tokens))
    annotated = {one.text: one for one in annotator.annotate_many(texts)}
    blocks = list(annotated.values())
    encodings = [sentence.encoding for block in blocks for sentence in tokenize_block(block, loaded).sentences]
    layers = range(loaded.info.n_layers)
    model = Replay(loaded, range(loaded.info.n_layers + 1), layers, with_attention=True)
    model.learn([*(one.text for one in encodings), *calibration_texts()])
    theirs, tokens = _exbert_bytes(root / "exbert", model, encodings)
    rows = []
    for precision, goal in _GOALS.items():
        config = config_of(model.info, precision, layers)
        folder = Store(root).create(precision)
        builder = Builder(
            folder, config, model, lambda some: (annotated[one] for one in some), calibration_texts(), Task()
        )
        manifest = builder.build([Document("bench:/size.txt", "\n\n".join(texts))], 1).manifest
        ours = folder.nbytes(manifest)
        content = "attention and annotations" if precision == "int8" else "annotations; attention by a fresh pass"
        rows.append(
            at_most(
                SECTION,
                f"{name}, {precision}, all layers, both spaces, {content}: bytes a token, times exBERT's",
                "exBERT's files",
                1 / goal,
                ours / theirs,
                "",
                f"1/{theirs / ours:.1f} (goal 1/{goal}): {ours / manifest.n_tokens:,.0f} against "
                f"{theirs / tokens:,.0f} bytes a token, {manifest.n_tokens:,} tokens of {source()}",
            )
        )
    return rows


def _exbert_bytes(root: Path, model: CorpusModel, encodings: Sequence[Encoding]) -> tuple[int, int]:
    """Bytes of exBERT's files for these sentences, and how many tokens that are not special they hold."""
    root.mkdir(parents=True)
    info = model.info
    width = info.n_heads * info.head_size
    by_layer = [faiss.IndexFlatIP(info.hidden_size) for _ in range(info.n_layers + 1)]
    by_context = [faiss.IndexFlatIP(width) for _ in range(info.n_layers)]
    with h5py.File(root / "data.hdf5", "w") as file:
        for start in range(0, len(encodings), _BATCH):
            _add(file, by_layer, by_context, model, encodings[start : start + _BATCH], start)
    for number, index in enumerate([*by_layer, *by_context]):
        faiss.write_index(index, str(root / f"layer-{number}.faiss"))
    nbytes = sum(path.stat().st_size for path in root.iterdir())
    return nbytes, sum(int((~one.is_special).sum()) for one in encodings)


def _add(
    file: h5py.File,
    by_layer: Sequence[faiss.Index],
    by_context: Sequence[faiss.Index],
    model: CorpusModel,
    encodings: Sequence[Encoding],
    start: int,
) -> None:
    layers = range(model.info.n_layers)
    captures = model.capture_batch(
        encodings, hidden_layers=range(model.info.n_layers + 1), layers=layers, attention_layers=layers
    )
    for number, capture in enumerate(captures, start):
        group = file.create_group(f"{number:08d}")
        contexts = (
            np.stack(capture.head_outputs).transpose(0, 2, 1, 3).reshape(len(layers), len(capture.encoding.ids), -1)
        )
        group.create_dataset("embeddings", data=np.stack(capture.hidden_states))
        group.create_dataset("contexts", data=contexts)
        group.create_dataset("attentions", data=np.stack(capture.attention))
        group.attrs["sentence"] = capture.encoding.text
        # special tokens stand in exBERT's indexes too, but ours has none: counting them would flatter us
        plain = ~capture.encoding.is_special
        for index, hidden in zip(by_layer, capture.hidden_states, strict=True):
            index.add(np.ascontiguousarray(hidden[plain]))
        for index, context in zip(by_context, contexts, strict=True):
            index.add(np.ascontiguousarray(context[plain]))


def _random_bert_base(folder: Path) -> str:
    """A model of BERT-base's shapes with MiniLM's tokenizer; it is never trained, only measured."""
    torch.manual_seed(0)
    tokens = tokenizer()
    BertModel(BertConfig(vocab_size=len(tokens))).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return str(folder)
