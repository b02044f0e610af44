"""Which encoding bytes are in: Unicode, one that was named, or one that there is no doubt about."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from exbert_rpc.text.formats.format import ReadingOptions, UnreadableSource

_MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20
_SAMPLE = 1 << 18
# measured over Windows-1252, 1250, 1251, KOI8-R, Shift-JIS and GB18030: below this, wrong answers are among the right
_LEAST_COHERENCE = 0.5
_LEAST_FOREIGN = 8  # bytes that are not ASCII, on which an answer rests
_NAMES = {"cp1250": "Windows-1250", "cp1251": "Windows-1251", "cp1252": "Windows-1252", "cp932": "Shift-JIS"}


@dataclass(frozen=True, slots=True)
class FoundEncoding:
    """How a file is decoded, and what people should know about that."""

    name: str
    errors: str = "strict"
    note: str | None = None
    has_nul: bool = False


@dataclass(frozen=True, slots=True)
class _BadByte:
    value: int
    line: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """What decoding a whole file met: the first byte that is no character, and whether a NUL stands before it."""

    bad: _BadByte | None
    has_nul: bool


def find_encoding(open_file: Callable[[], BinaryIO], options: ReadingOptions, most: int | None = None) -> FoundEncoding:
    """The encoding of a file, which is read once for that, a piece at a time.

    Args:
        open_file: Opens its bytes.
        options: How it is read.
        most: Bytes to look at, about; ``None``: all.

    Raises:
        UnreadableSource: It is binary, or in an encoding that is not certain; says where, and what to do.
    """
    with open_file() as stream:
        sample = stream.read(_SAMPLE)
    named = _checked(options.encoding)
    marked = next((name for mark, name in _MARKS if sample.startswith(mark)), None)
    name = marked or named or _unmarked_utf16(sample) or "utf-8"
    scan = _scan(open_file, name, most)
    if scan.bad is None:
        return FoundEncoding(name, has_nul=scan.has_nul)
    bad = scan.bad
    what = f"byte 0x{bad.value:02x} in line {bad.line + 1}"
    if options.errors == "replace":
        told = f"is not {_shown(name)} everywhere: {what} and others were replaced"
        return FoundEncoding(name, "replace", told, scan.has_nul)
    if name != "utf-8":
        raise UnreadableSource(f"is not {_shown(name)} text: {what}; choose another --encoding, or --errors replace")
    if b"\0" in sample[:8192]:
        raise UnreadableSource("is a binary file")
    return _guessed(open_file, what, most)


def _guessed(open_file: Callable[[], BinaryIO], what: str, most: int | None) -> FoundEncoding:
    with open_file() as stream:
        sample = _around_foreign(stream)
    guess, is_sure = _guess(sample)
    scan = _scan(open_file, guess, most) if guess is not None and is_sure else None
    if guess is not None and scan is not None and scan.bad is None:
        told = f"was read as {_shown(guess)}, as it is not UTF-8 ({what}); save it as UTF-8 if that is wrong"
        return FoundEncoding(guess, "strict", told, scan.has_nul)
    like = "" if guess is None else f" (it looks like {_shown(guess)})"
    raise UnreadableSource(
        f"is not UTF-8 text: {what}; save it as UTF-8{like}, or choose its --encoding, or --errors replace"
    )


def _guess(sample: bytes) -> tuple[str | None, bool]:
    """The likeliest encoding, and whether there is no doubt about it."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample))
    if not matches:
        return None, False
    best = matches[0]
    rivals = [one for one in matches[1:] if one.chaos <= best.chaos and str(one) != str(best)]
    foreign = sum(byte >= 0x80 for byte in sample)
    clear = best.coherence >= _LEAST_COHERENCE and best.chaos < 0.05 and foreign >= _LEAST_FOREIGN
    # the code page of Western Europe is by far the likeliest of those that read the same characters
    same = {one.encoding for one in matches if str(one) == str(best)} | _same_text(sample, str(best))
    name = "cp1252" if "cp1252" in same else best.encoding
    if name != "cp1252" and not best.coherence:
        return None, False  # some code page reads any byte
    return name, clear and not rivals


def _same_text(sample: bytes, text: str) -> set[str]:
    try:
        return {"cp1252"} if sample.decode("cp1252") == text else set()
    except UnicodeDecodeError:
        return set()


def _around_foreign(stream: BinaryIO) -> bytes:
    """Lines with bytes that are not ASCII, from the beginning of a file."""
    lines: list[bytes] = []
    size = 0
    for number, line in enumerate(iter(lambda: stream.readline(_CHUNK), b"")):
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > _SAMPLE or number > 200_000:
            break
    return b"".join(lines)[:_SAMPLE]


def _scan(open_file: Callable[[], BinaryIO], encoding: str, most: int | None) -> _Scan:
    """Decode a file up to the first byte that is no character, a piece at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, has_nul, size = 0, False, 0
    with open_file() as stream:
        while True:
            chunk = stream.read(_CHUNK)
            kept = decoder.getstate()[0]
            try:
                has_nul |= "\0" in decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as exc:
                data = exc.object
                before = lines + data[: exc.start].count(b"\n") - (kept.count(b"\n") if kept else 0)
                return _Scan(_BadByte(data[exc.start], before), has_nul)
            except UnicodeError:  # UTF-16 without a mark
                return _Scan(_BadByte(chunk[0] if chunk else 0, lines), has_nul)
            size += len(chunk)
            if not chunk or (most is not None and size >= most):
                return _Scan(None, has_nul)
            lines += chunk.count(b"\n")


def _unmarked_utf16(sample: bytes) -> str | None:
    """UTF-16 without a mark, which has a NUL in every other byte of Latin letters."""
    if len(sample) < 4 or b"\0" not in sample:
        return None
    for name, nuls, letters in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if (
            nuls.count(0) > 0.4 * len(nuls)
            and b"\0" not in letters
            and not re.search(rb"[\x01-\x08\x0e-\x1f]", letters)
        ):
            return name
    return None


def _checked(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        "".encode(name)  # a codec that is none of texts ("hex") is refused here, too
        return codecs.lookup(name).name
    except (LookupError, ValueError) as exc:
        raise UnreadableSource(f"cannot be read: there is no encoding {name[:40]!r}") from exc


def _shown(name: str) -> str:
    plain = name.removesuffix("-sig")
    return _NAMES.get(plain, plain.upper().replace("_", "-"))
