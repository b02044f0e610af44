"""What ``attend`` reads: a text, or chat messages from a file."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from exbert_rpc.cli.commands import text_input
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import ChatMessage

_FORM = 'A JSON list of {"role": "user", "content": "…"}, or an object with such a list in `messages`.'


def prompt_input(options: Namespace) -> TextInput:
    """The text or the messages that the options of ``attend`` name; ``-`` is standard input.

    Raises:
        InvalidParams: none of them, both, or a file that holds no messages.
    """
    if options.messages is None:
        if options.text is None:
            raise InvalidParams("text", "is missing", hint="give a text, or --messages FILE")
        return replace(text_input(options), special_tokens=options.special_tokens)
    if options.text is not None or options.pair is not None:
        raise InvalidParams("text", "may not be given together with --messages", hint="give one of them")
    messages = read_messages(sys.stdin.read() if options.messages == "-" else _contents(options.messages))
    return TextInput("", None, options.mask or (), messages=messages, special_tokens=options.special_tokens)


def read_messages(written: str) -> tuple[ChatMessage, ...]:
    """Chat messages of a JSON text: a list, or an object with the list in ``messages``, as chat data sets have them.

    Raises:
        InvalidParams: it is something else; says which message is wrong.
    """
    try:
        data = json.loads(written)
    except ValueError as exc:
        raise InvalidParams("messages", f"are no JSON ({exc})", hint=_FORM) from exc
    given = data.get("messages") if isinstance(data, dict) else data
    if not isinstance(given, list):
        raise InvalidParams("messages", "are no list", hint=_FORM)
    return tuple(_message(number, one) for number, one in enumerate(given))


def _message(number: int, one: object) -> ChatMessage:
    role, content = (one.get("role"), one.get("content")) if isinstance(one, dict) else (None, None)
    if not isinstance(role, str) or not isinstance(content, str):
        raise InvalidParams(f"messages[{number}]", "has no role and content that are texts", hint=_FORM)
    return ChatMessage(role, content)


def _contents(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidParams("messages", f"{path} cannot be read ({exc})", hint=_FORM) from exc
