"""The gallery: live pages that ``exbert-rpc report`` makes while the site is built."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

CORPUS = "speeches"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One page.

    Attributes:
        name: Of its file.
        title: What it shows.
        text: What is read.
        told: What to look at.
        layer: Attention layer.
        heads: Heads.
        token: Token whose contexts it opens with; ``None``: it has no corpus.
    """

    name: str
    title: str
    text: str
    told: str
    layer: int
    heads: tuple[int, ...]
    token: int | None = None


EXHIBITS = (
    Exhibit(
        "infinitive",
        "A head for infinitives",
        "Use it to find a way.",
        "*find* looks at *to*. Its contexts in a speech to Congress do so, too. Click other tokens, heads and layers.",
        2,
        (11,),
        4,
    ),
    Exhibit(
        "previous",
        "Heads of a whole sentence",
        "The girl ran to a local pub to escape the din of her city.",
        "Attention in all 72 heads of all-MiniLM-L6-v2. The overview shows them at once.",
        5,
        tuple(range(12)),
    ),
)


def make_pages() -> dict[str, str]:
    """The HTML of each exhibit by its name.

    Raises:
        ExbertError: the view, the model or the demo's texts are not installed.
    """
    import exbert_rpc.notebook as exbert
    from exbert_rpc.cli.demo_texts import ADDRESSES, write_addresses

    pages: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        speeches = write_addresses(Path(folder) / CORPUS)
        with exbert.local(store=store) as local:
            local.index_corpus(CORPUS, [speeches / f"{ADDRESSES[0]}.txt"])
        for one in EXHIBITS:
            corpus = None if one.token is None else CORPUS
            page = Path(folder) / "page.html"
            given = {"layer": one.layer, "heads": one.heads, "token": one.token}
            exbert.report(one.text, page, corpus=corpus, store=store, **given)
            pages[one.name] = page.read_text(encoding="utf-8")
    return pages


def index_page(made: dict[str, str]) -> str:
    """The gallery's own page; exhibits that were not made are listed with the command that makes them."""
    parts = [
        "# Gallery",
        "Each page below is one file that `exbert-rpc report` wrote. It needs no server, and can be clicked: layers,"
        " heads, tokens, contexts, summary.",
    ]
    for one in EXHIBITS:
        parts += [f"## {one.title}", f"> {one.text}", one.told]
        if one.name in made:
            parts.append(f"[Open the page](gallery/{one.name}.html) ({len(made[one.name].encode()) // 1000:,} kB)")
        else:
            heads = " ".join(["--heads", ",".join(map(str, one.heads)), "--layer", str(one.layer)])
            corpus = "" if one.token is None else f" --corpus {CORPUS} --token {one.token}"
            parts.append(f"```console\n$ exbert-rpc report {one.text!r}{corpus} {heads} -o {one.name}.html\n```")
    return "\n\n".join(parts) + "\n"
