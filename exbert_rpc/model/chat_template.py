"""Messages as the text that a chat model reads, by the model's own template, with the place of each content.

The template runs twice: over the messages, and over marks in the place of their contents. The second text, with the
contents put back, has to equal the first one. So a template that drops, repeats or rewrites a content is found out, and
refused by name. White space at the ends of a content may go; many templates strip it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from exbert_rpc.errors import ExbertError, InvalidParams
from exbert_rpc.model.types import ChatMessage, MessagePlace

_FIELD = "messages"
Render = Callable[[Sequence[ChatMessage]], str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text that a model reads for messages, and where their contents stand in it."""

    text: str
    places: tuple[MessagePlace, ...]


def render_messages(tokenizer: Any, messages: Sequence[ChatMessage], *, continues: bool = False) -> Prompt:  # noqa: ANN401
    """What the model reads for messages.

    Behind the last message stands the template's beginning of an answer, unless that message is an answer.

    Args:
        tokenizer: The stock tokenizer, which holds the template.
        messages: At least one.
        continues: Whether an answer at the end is left open, so that the model goes on with it.

    Raises:
        InvalidParams: There is no template, it takes no such messages, or it does not show a content as it is.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidParams(
            _FIELD, "this model has no chat template", hint="Send `text`, or choose a model that was trained to chat."
        )
    _check(messages)

    def render(given: Sequence[ChatMessage]) -> str:
        return _apply(tokenizer, given, continues=continues)

    parts = _parts(render, messages)
    kept = _kept(render(messages), parts, messages)
    if kept is None:
        raise _rewritten(render, parts, messages)
    return _put_together(parts, messages, kept)


def _check(messages: Sequence[ChatMessage]) -> None:
    if not messages:
        raise InvalidParams(_FIELD, "is empty", hint="Send at least one message.")
    for number, message in enumerate(messages):
        if not message.role.strip():
            raise InvalidParams(f"{_FIELD}[{number}].role", "is blank", hint="Roles are user, assistant and system.")


def _apply(tokenizer: Any, messages: Sequence[ChatMessage], *, continues: bool) -> str:  # noqa: ANN401
    answered = messages[-1].role == "assistant"
    plain = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return str(
            tokenizer.apply_chat_template(
                plain,
                tokenize=False,
                add_generation_prompt=not answered,
                continue_final_message=continues and answered,
            )
        )
    except ExbertError:
        raise
    except Exception as exc:  # a template is a program of its author, and raises what it likes
        roles = ", ".join(message.role for message in messages)
        raise InvalidParams(
            _FIELD,
            f"the model's chat template refuses them ({_line(exc)}). Their roles: {roles}",
            hint="Use the roles that the template knows, in the order that it expects.",
        ) from exc


def _mark(number: int) -> str:
    return f"Q{number}CONTENT{number}Q"


def _parts(render: Render, messages: Sequence[ChatMessage]) -> list[str]:
    """The template's own text: what stands before, between and behind the contents."""
    marked = render([ChatMessage(message.role, _mark(number)) for number, message in enumerate(messages)])
    parts, rest = [], marked
    for number, message in enumerate(messages):
        if marked.count(_mark(number)) != 1 or _mark(number) not in rest:
            what = "drops" if _mark(number) not in marked else "repeats or moves"
            raise InvalidParams(
                f"{_FIELD}[{number}]",
                f"the model's chat template {what} it (role {message.role!r})",
                hint="Use roles that the template shows, such as user and assistant, in their order.",
            )
        part, rest = rest.split(_mark(number), 1)
        parts.append(part)
    return [*parts, rest]


def _kept(text: str, parts: Sequence[str], messages: Sequence[ChatMessage]) -> list[tuple[int, int]] | None:
    """Of each content the part that the text holds; ``None`` if the text is not made of these."""
    if not text.startswith(parts[0]):
        return None
    found: list[tuple[int, int]] = []
    at = len(parts[0])
    for message, behind in zip(messages, parts[1:], strict=True):
        forms = ((0, len(message.content)), *_stripped(message.content))
        kept = next((span for span in forms if text.startswith(message.content[slice(*span)] + behind, at)), None)
        if kept is None:
            return None
        found.append(kept)
        at += kept[1] - kept[0] + len(behind)
    return found if at == len(text) else None


def _stripped(content: str) -> list[tuple[int, int]]:
    """A content without white space at both ends, or at one of them."""
    start, end = len(content) - len(content.lstrip()), len(content.rstrip())
    return [(min(start, end), end), (0, end), (start, len(content))]


def _rewritten(render: Render, parts: Sequence[str], messages: Sequence[ChatMessage]) -> InvalidParams:
    """The error that names the first message whose content the template does not show as it is."""
    marked = [ChatMessage(message.role, _mark(number)) for number, message in enumerate(messages)]
    for number, message in enumerate(messages):
        alone = [*marked[:number], message, *marked[number + 1 :]]
        if _kept(render(alone), parts, alone) is None:
            return InvalidParams(
                f"{_FIELD}[{number}].content",
                f"the model's chat template rewrites it (role {message.role!r}), so its characters cannot be followed",
                hint="Change what the template reacts to (such as tags of thoughts), or send the prompt as `text` with "
                '`specialTokens: "parse"`.',
            )
    return InvalidParams(
        _FIELD,
        "the model's chat template rewrites their contents",
        hint='Send the prompt as `text` with `specialTokens: "parse"`.',
    )


def _put_together(parts: Sequence[str], messages: Sequence[ChatMessage], kept: Sequence[tuple[int, int]]) -> Prompt:
    text, places = "", []
    for part, message, (start, end) in zip(parts, messages, kept, strict=False):
        begin = len(text) + len(part)
        text += part + message.content[start:end]
        places.append(MessagePlace(message.role, message.content, begin, len(text), skipped=start))
    return Prompt(text + parts[-1], tuple(places))


def _line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:200] if lines else type(exc).__name__
