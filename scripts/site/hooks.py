"""MkDocs hooks: pages of the site that live outside of ``docs/``, the OpenRPC page, and links between them all.

Run MkDocs as ``python -m mkdocs`` in the repository's folder, so that this package is found.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.site import gallery, openrpc, tutorials
from scripts.site.links import rewrite

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "protocol/README.md": "protocol.md",
    "clients/vscode/README.md": "editors/vscode.md",
    "clients/jupyterlab/README.md": "editors/jupyterlab.md",
}
OPENRPC = "protocol/openrpc.json"
OPENRPC_PAGE = "reference/protocol.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in ``docs/``."""
    from mkdocs.structure.files import File

    for source, page in ELSEWHERE.items():
        added = File.generated(config, page, abs_src_path=str(ROOT / source))
        added.edit_uri = f"../{source}"
        files.append(added)
    document = json.loads((ROOT / OPENRPC).read_text(encoding="utf-8"))
    files.append(File.generated(config, OPENRPC_PAGE, content=openrpc.page(document)))
    for path in tutorials.notebooks():
        content = tutorials.page_of(json.loads(path.read_text(encoding="utf-8")), path.name)
        page = File.generated(config, f"tutorials/{path.stem}.md", content=content)
        page.edit_uri = f"tutorials/{path.name}"
        files.append(page)
    # only where it is asked for: a model is run
    made = gallery.make_pages() if os.environ.get("EXBERT_GALLERY") else {}
    files.append(File.generated(config, "gallery.md", content=gallery.index_page(made)))
    for name, page in made.items():
        files.append(File.generated(config, f"gallery/{name}.html", content=page))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links of a page at what they mean on the site."""
    sources = {page: source for source, page in ELSEWHERE.items()}
    pages = {sources.get(file.src_uri, f"docs/{file.src_uri}"): file.src_uri for file in files}
    uri = page.file.src_uri
    if uri == OPENRPC_PAGE:
        return markdown
    return rewrite(markdown, sources.get(uri, f"docs/{uri}"), uri, pages, ROOT, (config.repo_url or "").rstrip("/"))
