"""The page of ``exbert-rpc view``: the view, and a host that talks to the server which serves the page."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass

from exbert_rpc.report.bundles import policy_hash, read_bundle

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>exBERT</title>
<style>{style}</style>
</head>
<body>
<main id="view">Drawing …</main>
<p class="exbert-place" id="place" role="status"></p>
<noscript>This page needs JavaScript to be drawn.</noscript>
<script>{script}</script>
</body>
</html>
"""


_REDIRECT = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={url}">'


@dataclass(frozen=True, slots=True)
class Window:
    """A page that a server sends.

    Attributes:
        html: The whole page; it holds nothing secret.
        policy: Its Content-Security-Policy but for ``connect-src``, which only the server knows.
    """

    html: str
    policy: str


def make_window() -> Window:
    """The page of this installation.

    Raises:
        PageMissing: the view's script and style sheet are not installed.
    """
    script, style = read_bundle("window.js"), read_bundle("window.css")
    policy = (
        f"default-src 'none'; script-src '{policy_hash(script)}'; style-src '{policy_hash(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Window(_PAGE.format(style=style, script=script), policy)


def address_of(origin: str, token: str, view: Mapping[str, object]) -> str:
    """Where a browser finds the page. Token and view stand behind the ``#``, which is not sent over the network.

    Args:
        origin: ``http://127.0.0.1:8765``.
        token: The server's secret.
        view: View state of the clients; ``version`` is added.
    """
    state = json.dumps({"version": 1, **view}, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{origin}/#token={token}&exbert={base64.urlsafe_b64encode(state).decode().rstrip('=')}"


def redirect_to(url: str) -> str:
    """A page that sends a browser on, for a file that only its user reads: an address with a token is no argument."""
    return _REDIRECT.format(url=html.escape(url))
