"""Docstrings as this package writes them, made readable for mkdocstrings (a Griffe extension).

- A role (:class:`~exbert_rpc.tasks.Task`) becomes a link where the API reference has that object, else a name.
- "Raises:" followed by names without descriptions becomes a sentence; the names link to the errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import griffe

_ROLE = re.compile(r":(?:class|meth|func|attr|mod|exc|data|obj):`(?P<short>~?)(?P<name>[\w.]+)`")
_RAISES = re.compile(r"^(?P<indent>[ \t]*)Raises:\n(?P<block>(?:(?P=indent)[ \t]+\S[^\n]*\n?)+)", re.MULTILINE)
_DESCRIBED = re.compile(r"\s*[\w.]+: ")
_ERROR = re.compile(r"(?<![\w.`\"/])[A-Z]\w+(?![\w`\"])")


def readable(docstring: str, resolve: Callable[[str], str]) -> str:
    """A docstring without roles, and with its bare lists of errors as sentences.

    Args:
        docstring: As it stands in the source.
        resolve: Name as it is written in that module → full path; raises ``griffe.NameResolutionError``.
    """

    def role(match: re.Match[str]) -> str:
        name = match["name"]
        return _reference(name, name.rpartition(".")[2] if match["short"] else name, resolve)

    def raises(match: re.Match[str]) -> str:
        if _DESCRIBED.match(match["block"]):
            return match[0]
        names = " ".join(match["block"].split()).rstrip(".")
        linked = _ERROR.sub(lambda name: _reference(name[0], name[0], resolve), names)
        return f"{match['indent']}Raises {linked}.\n"

    return _ROLE.sub(role, _RAISES.sub(raises, docstring))


class Readable(griffe.Extension):
    """Applies :func:`readable` to everything that is loaded."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: object) -> None:  # noqa: ARG002 (Griffe passes more)
        """Called for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = readable(obj.docstring.value, obj.resolve)


def _reference(name: str, shown: str, resolve: Callable[[str], str]) -> str:
    try:
        path = resolve(name)
    except griffe.NameResolutionError:
        path = name
    return f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>'
