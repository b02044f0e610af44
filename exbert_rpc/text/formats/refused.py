"""Files that are no text, or text of a structure that is nobody's prose: refused by name, with what to do."""

from __future__ import annotations

_PANDOC = "convert it to text or Markdown first (pandoc a{0} -o a.md)"
_BINARY = {
    (".docx", ".odt", ".epub", ".rtf", ".fb2"): "is a word processor's file: " + _PANDOC,
    (".doc",): "is an old Word file: save it as .docx, then convert it (pandoc a.docx -o a.md)",
    (".pdf",): "is a PDF: convert it to text first (pdftotext a.pdf)",
    (".pptx", ".ppt", ".odp", ".key"): "holds slides: save them as text first",
    (".xlsx", ".xls", ".ods"): "is a spreadsheet: save the sheet as CSV first",
    (".mobi", ".azw3"): "is an electronic book: convert it to text first (ebook-convert a{0} a.txt)",
    (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ico"): "is a picture",
    (".mp3", ".wav", ".flac", ".ogg", ".mp4", ".mkv", ".avi", ".mov", ".webm"): "is a recording: index its transcript",
    (".7z", ".rar", ".tar", ".tgz", ".xz", ".bz2", ".zst"): "is an archive: unpack it first (.zip and .gz are read)",
    (".safetensors", ".bin", ".pt", ".gguf", ".npy", ".npz", ".pkl", ".onnx", ".h5"): "holds numbers, not text",
    (".db", ".sqlite", ".sqlite3"): "is a database: export the table as CSV first",
    (".exe", ".dll", ".so", ".dylib", ".o", ".a", ".pyc", ".class", ".wasm"): "is a program",
}
_STRUCTURED = {
    (".xml", ".tei", ".rss", ".svg", ".xsl"): "XML",
    (".yaml", ".yml"): "YAML",
    (".toml", ".ini", ".cfg", ".properties", ".env"): "settings",
    (".sty", ".cls", ".bib"): "TeX",
    (".css", ".scss", ".less"): "a style sheet",
    (".srt", ".vtt", ".ass"): "subtitles",
    (".po", ".pot"): "translations",
    (".geojson",): "JSON of places",
    (".lock", ".map"): "a program's own notes",
    (".diff", ".patch"): "a patch",
}
_MAGIC = (
    (b"%PDF-", ".pdf"),
    (b"\xd0\xcf\x11\xe0", ".doc"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"SQLite format 3", ".sqlite"),
    (b"7z\xbc\xaf", ".7z"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
    (b"\xfd7zXZ", ".xz"),
    (b"BZh", ".bz2"),
    (b"{\\rtf", ".rtf"),
)

_BINARY_REASONS = {suffix: reason.format(suffix) for suffixes, reason in _BINARY.items() for suffix in suffixes}
_STRUCTURES = {suffix: name for suffixes, name in _STRUCTURED.items() for suffix in suffixes}


def binary_reason(suffix: str, beginning: bytes) -> str | None:
    """Why a file of this ending, or one that begins so, cannot be read; ``None``: nothing speaks against it."""
    if suffix in _BINARY_REASONS:
        return _BINARY_REASONS[suffix]
    found = next((kind for magic, kind in _MAGIC if beginning.startswith(magic)), None)
    return None if found is None else _BINARY_REASONS[found]


def structure_of(suffix: str) -> str | None:
    """What text with this ending is, if not prose."""
    return _STRUCTURES.get(suffix)
