"""A recording, and the view that draws it, as one file: no server, no network, nothing that is loaded later."""

from __future__ import annotations

import base64
import gzip
import html
import json
from typing import Any

from exbert_rpc.report.bundles import policy_hash, read_bundle
from exbert_rpc.report.record import Recording

MAX_BYTES = 2_000_000
"""Bytes of a page; contexts are left out until it fits, and the page says how many are left."""

_LEVEL = 9
_FEWEST = 5

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{script_hash}'; \
style-src '{style_hash}'; img-src data: blob:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="view">Drawing …</main>
<p class="made"><strong id="told" role="status"></strong> {holds} Made by exBERT RPC {version}.</p>
<noscript>This page needs JavaScript to be drawn.</noscript>
<script type="application/octet-stream" id="recording">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def make_page(recording: Recording, version: str, max_bytes: int = MAX_BYTES) -> str:
    """The page, with as many contexts as fit.

    Args:
        recording: What it holds.
        version: Of this program, named on the page.
        max_bytes: How large it may be; a page without any context may be larger.

    Raises:
        PageMissing: the view's script and style sheet are not installed.
    """
    script, style = read_bundle("report.js"), read_bundle("report.css")
    k = recording.most_hits
    while True:
        page = _fill(recording, k, version, script, style)
        if len(page.encode()) <= max_bytes or k <= _FEWEST:
            return page
        k = max(_FEWEST, k * 3 // 4)


def _fill(recording: Recording, k: int, version: str, script: str, style: str) -> str:
    return _PAGE.format(
        script_hash=policy_hash(script),
        style_hash=policy_hash(style),
        title=html.escape(recording.title),
        style=style,
        holds=html.escape(recording.holds(k)),
        version=html.escape(version),
        data=_packed(recording.with_hits(k)),
        script=script,
    )


def _packed(value: dict[str, Any]) -> str:
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(encoded, _LEVEL, mtime=0)).decode()
