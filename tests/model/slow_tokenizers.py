"""Tokenizers of Python, without offsets: small ones, trained on the sentences of the zoo."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from tests.model.zoo import CORPUS

WORDS = sorted({word for line in CORPUS for word in line.split()})


def make(kind: str, folder: Path) -> Any:
    """A tokenizer of a kind, saved in ``folder`` as its model would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install")
        return _saved(kind, folder)


def _saved(kind: str, folder: Path) -> Any:
    tokenizer = KINDS[kind](folder)
    tokenizer.save_pretrained(folder)
    if (folder / "bpe.codes").exists():
        _merges(folder)  # transformers saves merges without the number behind them, and reads them with it
    return tokenizer


def sentencepiece_model(folder: Path, name: str, lines: list[str] = CORPUS, **options: Any) -> Path:
    """A sentencepiece model of about a hundred pieces, and the list of its pieces beside it."""
    import sentencepiece

    text = folder / f"{name}.txt"
    text.write_text("\n".join(line for _ in range(20) for line in lines if line.strip()), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / name),
        vocab_size=110,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    text.unlink()
    (folder / f"{name}.vocab").unlink()
    return (folder / f"{name}.model").rename(folder / name)


def _pieces(*models: Path) -> list[str]:
    import sentencepiece

    loaded = [sentencepiece.SentencePieceProcessor(model_file=str(model)) for model in models]
    found = (one.id_to_piece(n) for one in loaded for n in range(one.get_piece_size()))
    return [piece for piece in dict.fromkeys(found) if piece not in {"<unk>", "<s>", "</s>"}]


def _marian(folder: Path) -> Any:
    from transformers import MarianTokenizer

    source = sentencepiece_model(folder, "source.spm")
    target = sentencepiece_model(folder, "target.spm", [line.upper() for line in CORPUS])
    pieces = ["</s>", "<unk>", ">>fr<<", *_pieces(source, target)[:-3], "<pad>"]  # some pieces have no id
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({piece: id_ for id_, piece in enumerate(pieces)}), encoding="utf-8")
    return MarianTokenizer(str(source), str(target), str(vocabulary), source_lang="en", target_lang="fr")


def _m2m100(folder: Path) -> Any:
    from transformers import M2M100Tokenizer

    model = sentencepiece_model(folder, "sentencepiece.bpe.model")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *_pieces(model)]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({piece: id_ for id_, piece in enumerate(pieces)}), encoding="utf-8")
    return M2M100Tokenizer(str(vocabulary), str(model), src_lang="en", tgt_lang="fr")


def _esm(folder: Path) -> Any:
    from transformers import EsmTokenizer

    letters = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(letters), encoding="utf-8")
    return EsmTokenizer(str(folder / "vocab.txt"))


def _merges(folder: Path) -> tuple[Path, Path]:
    """Merges of some pairs of letters, and a vocabulary of what they make."""
    merges = [("t", "h"), ("th", "e</w>"), ("r", "a"), ("ra", "n</w>"), ("i", "n"), ("in", "g</w>"), ("o", "f</w>")]
    path = folder / "bpe.codes"
    path.write_text("".join(f"{left} {right} 1\n" for left, right in merges), encoding="utf-8")
    letters = sorted({letter for word in WORDS for letter in word})
    made = [left + right for left, right in merges]
    forms = [form[:-4] if form.endswith("</w>") else f"{form}@@" for form in made]
    vocabulary = folder / "vocab.txt"
    lines = [*letters, *(f"{letter}@@" for letter in letters), *forms]
    vocabulary.write_text("".join(f"{form} 1\n" for form in dict.fromkeys(lines)), encoding="utf-8")
    return vocabulary, path


def _bertweet(folder: Path, **options: Any) -> Any:
    from transformers import BertweetTokenizer

    vocabulary, merges = _merges(folder)
    return BertweetTokenizer(str(vocabulary), str(merges), **options)


def _phobert(folder: Path) -> Any:
    from transformers import PhobertTokenizer

    vocabulary, merges = _merges(folder)
    return PhobertTokenizer(str(vocabulary), str(merges))


def _byt5(_folder: Path) -> Any:
    from transformers import ByT5Tokenizer

    return ByT5Tokenizer()


def _moses(name: str, folder: Path) -> Any:
    """A tokenizer that Moses' rules cut words for (sacremoses), with merges of some pairs of letters."""
    import transformers

    merges = [("t", "h"), ("th", "e</w>"), ("r", "a"), ("ra", "n</w>"), ("i", "n"), ("in", "g</w>"), ("o", "f</w>")]
    (folder / "merges.txt").write_text("".join(f"{left} {right} 1\n" for left, right in merges), encoding="utf-8")
    letters = sorted({letter for word in WORDS for letter in word} | set(".,;:!?'&-()"))
    special = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{number}>" for number in range(10))]
    forms = [*special, *letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges)]
    written = json.dumps({form: id_ for id_, form in enumerate(dict.fromkeys(forms))})
    files = ("vocab-src.json", "vocab-tgt.json", "merges.txt") if name == "FSMT" else ("vocab.json", "merges.txt")
    for file in files[:-1]:
        (folder / file).write_text(written, encoding="utf-8")
    paths = [str(folder / file) for file in files]
    cls = getattr(transformers, f"{name}Tokenizer")
    return cls(["en", "de"], *paths) if name == "FSMT" else cls(*paths)


MOSES = {
    "xlm": lambda folder: _moses("XLM", folder),
    "fsmt": lambda folder: _moses("FSMT", folder),
    "biogpt": lambda folder: _moses("BioGpt", folder),
    "flaubert": lambda folder: _moses("Flaubert", folder),
}
"""Kinds that need sacremoses."""

KINDS = {
    **MOSES,
    "marian": _marian,
    "m2m100": _m2m100,
    "esm": _esm,
    "bertweet": _bertweet,
    "phobert": _phobert,
    "byt5": _byt5,
    "tweets": lambda folder: _bertweet(folder, normalization=True),
}
