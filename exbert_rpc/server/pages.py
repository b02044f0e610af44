"""Reports that an editor asks for: pages in the store, opened by their ``file`` address."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from exbert_rpc import __version__
from exbert_rpc.engine.facade import default_store
from exbert_rpc.errors import StorageFailed

if TYPE_CHECKING:
    from exbert_rpc.report import Ask

FOLDER = ".pages"
KEPT = 50


def write_page(text: str, model: str | None, corpus: str | None, store: Path | None, ask: Ask) -> str:
    """Write a report; of earlier ones the newest are kept.

    Args:
        text: What it is about.
        model: Model id; ``None``: the corpus' model, or the default one.
        corpus: Where contexts come from; ``None``: it has none.
        store: Folder of the corpora; ``None``: the default one.
        ask: Answers requests.

    Returns:
        The page's address.

    Raises:
        ExbertError: what a method raises, or what keeps the page from being written.
    """
    from exbert_rpc.report import ReportRequest, make_page, record

    page = make_page(record(ReportRequest(text=text, model=model, corpus=corpus), ask), __version__)
    return _write(page, store).as_uri()


def write_redirect(url: str, store: Path | None) -> Path:
    """Write a file that sends a browser to an address with a token, which only its user may read.

    What an editor opens is an argument of a program, which everybody on a machine sees.

    Raises:
        StorageFailed: the store cannot be written.
    """
    from exbert_rpc.report.window import redirect_to

    return _write(redirect_to(url), store)


def _write(page: str, store: Path | None) -> Path:
    folder = (default_store() if store is None else store).absolute() / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".html", delete=False, encoding="utf-8") as file:
            file.write(page)
        _leave(folder, KEPT)
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be written: {error.strerror}", hint="Choose another store.") from error
    return Path(file.name)


def _leave(folder: Path, kept: int) -> None:
    pages = sorted(folder.glob("*.html"), key=lambda page: page.stat().st_mtime, reverse=True)
    for page in pages[kept:]:
        page.unlink(missing_ok=True)
