"""Scripts and style sheets of the view, as ``make page`` builds them and a wheel carries them."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from exbert_rpc.errors import ExbertError


class PageMissing(ExbertError):
    """The installation has no view to put into a page."""

    kind = "pageMissing"


def read_bundle(name: str) -> str:
    """A file that ``make page`` puts beside this module: ``report.js``, ``window.css``, …; scripts may stand in HTML.

    Raises:
        PageMissing: it is not installed.
    """
    try:
        content = files("exbert_rpc.report").joinpath("built", name).read_text(encoding="utf-8")
    except OSError as error:
        raise PageMissing(
            f"this installation lacks {name}, which draws the view",
            hint="in a clone run `make page` (it needs Node.js); otherwise install exbert-rpc from its wheel",
        ) from error
    # the end of an element that stands in a string of the script would end the element
    return content.replace("</script", "<\\/script") if name.endswith(".js") else content


def policy_hash(content: str) -> str:
    """Of an inline script or style sheet, for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
