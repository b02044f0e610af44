"""The tools: each asks the server a question, and answers in words with a way to look at it."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from collections.abc import Awaitable, Callable
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from exbert_rpc import __version__
from exbert_rpc.agents.words import (
    attention_in_words,
    build_in_words,
    corpora_in_words,
    effects_in_words,
    hits_in_words,
    models_in_words,
    profile_in_words,
    summary_in_words,
)
from exbert_rpc.client import AsyncClient
from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.search_contexts import SearchResult

INSTRUCTIONS = """\
exBERT shows what the attention heads of a Transformer do. A head is named layer.head, both counted from 0.
`attend` shows where heads look in a text. `search` finds the contexts of a corpus that a head treats like a token,
`summarize` says what they share and whether the head or only the word accounts for it, `profile` says what heads do in
all of a corpus, `ablate` whether they matter. Attention is not explanation: say what was measured."""

_SHORT = 300
"""Bytes of a text that is repeated in a command."""

Text = Annotated[str, Field(description="The text that the model reads.")]
Corpus = Annotated[str, Field(description="Name of a corpus, as `corpora` lists them.")]
TokenName = Annotated[str, Field(description="A word of the text, or the number of a token as `attend` lists them.")]
Layer = Annotated[int, Field(description="Attention layer, counted from 0.", ge=0)]
Heads = Annotated[list[int] | None, Field(description="Heads of the layer, counted from 0; all if left out.")]
Model = Annotated[str | None, Field(description="Model id, as `models` lists them; the default one if left out.")]


def make_server(exbert: AsyncClient) -> MCPServer:
    """A server whose tools ask ``exbert``."""
    server = MCPServer("exbert", version=__version__, instructions=INSTRUCTIONS)
    for tool in (corpora, models, index, attend, search, summarize, profile, ablate):
        server.add_tool(_asking(tool, exbert), name=tool.__name__, description=tool.__doc__, structured_output=False)
    return server


def _asking(tool: Callable[..., Awaitable[str]], exbert: AsyncClient) -> Callable[..., Awaitable[str]]:
    """The tool without its first parameter; an error says what was wrong and what to do."""

    @functools.wraps(tool)
    async def ask(**arguments: object) -> str:
        try:
            return await tool(exbert, **arguments)
        except ExbertError as error:
            raise ToolError(f"{error.message}. {error.hint}".strip()) from error

    signature = inspect.signature(tool, eval_str=True)
    parameters = [one for name, one in signature.parameters.items() if name != "exbert"]
    ask.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    ask.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": str}
    return ask


async def corpora(exbert: AsyncClient) -> str:
    """List the corpora that can be searched."""
    return corpora_in_words(await exbert.list_corpora())


async def models(exbert: AsyncClient) -> str:
    """List the models that need no download."""
    return models_in_words(await exbert.list_models())


async def index(
    exbert: AsyncClient,
    name: Annotated[str, Field(description="Name of the corpus: letters, digits, dots, dashes.")],
    sources: Annotated[list[str], Field(description="Files, folders or globs below the allowed folders.")],
    model: Model = None,
) -> str:
    """Make a corpus hold exactly what the sources name. Takes about a minute for 70,000 tokens."""
    return build_in_words(await exbert.index_corpus(name, sources, model=model))


async def attend(
    exbert: AsyncClient,
    text: Text,
    token: Annotated[str | None, Field(description="Only where this word or token looks.")] = None,
    layer: Annotated[int | None, Field(description="Only this attention layer.", ge=0)] = None,
    heads: Heads = None,
    model: Model = None,
) -> str:
    """Show the strongest attention between words of a text, with the heads that draw it."""
    layers = None if layer is None else [layer]
    answer = await exbert.attend(text=text, layers=layers, heads=heads, model=model, top_k=0, tensors="float16")
    number = None if token is None else token_named(answer, token)
    return attention_in_words(answer, number, _look(text, layer=layer, heads=heads, model=model, token=number))


async def search(
    exbert: AsyncClient,
    corpus: Corpus,
    text: Text,
    token: TokenName,
    layer: Layer,
    heads: Heads = None,
    k: Annotated[int, Field(description="How many contexts.", ge=1, le=1000)] = 10,
) -> str:
    """Find the contexts of a corpus that heads treat like one token of a text."""
    return hits_in_words(*await _find(exbert, corpus, text, token, layer, heads, k))


async def summarize(
    exbert: AsyncClient,
    corpus: Corpus,
    text: Text,
    token: TokenName,
    layer: Layer,
    heads: Heads = None,
    k: Annotated[int, Field(description="How many contexts are looked at.", ge=1, le=1000)] = 50,
) -> str:
    """Say what the most similar contexts share, and whether the head or only the word accounts for it."""
    found, look = await _find(exbert, corpus, text, token, layer, heads, k)
    shared = await exbert.summarize(search_id=found.search_id)
    return summary_in_words(shared, found.hits, look)


async def profile(
    exbert: AsyncClient,
    corpus: Corpus,
    layer: Annotated[int | None, Field(description="Only this attention layer.", ge=0)] = None,
    head: Annotated[int | None, Field(description="Only this head.", ge=0)] = None,
) -> str:
    """Say what heads do everywhere in a corpus: whom they look at, beyond what distances alone would give."""
    answer = await exbert.profile_heads(
        corpus, layers=None if layer is None else [layer], heads=None if head is None else [head]
    )
    return profile_in_words(answer, f"more: exbert-rpc heads {shlex.quote(corpus)}")


async def ablate(
    exbert: AsyncClient,
    text: Text,
    against: Annotated[
        str | None, Field(description="The similarity with this text is measured, instead of the last prediction.")
    ] = None,
    model: Model = None,
) -> str:
    """Show what changes when each head in turn gives only its mean output. Takes seconds."""
    answer = await exbert.ablate_heads(text=text, against=against, heads="each", model=model)
    return effects_in_words(answer, _command("more", "ablate", text, against=against, model=model))


def token_named(answer: AttendResult, named: str) -> int:
    """The token that a number or a word names; of a word in pieces, or one that stands there often, the first.

    Raises:
        ToolError: there is no such token.
    """
    tokens = answer.tokens
    if named.isdecimal() and int(named) < len(tokens):
        return int(named)
    for flags in (0, re.IGNORECASE):
        for match in re.finditer(rf"(?<!\w){re.escape(named)}(?!\w)", answer.text, flags):
            for one in tokens:
                if not one.is_special and one.segment == 0 and one.start <= match.start() < one.end:
                    return one.index
    words = " ".join(f"{one.index}:{one.token}" for one in tokens)
    raise ToolError(f"{named!r} is no word of the text; the tokens are {words[:600]}")


async def _find(
    exbert: AsyncClient, corpus: str, text: str, token: str, layer: int, heads: list[int] | None, k: int
) -> tuple[SearchResult, str]:
    """The contexts, by the model of the corpus, and the command that shows them."""
    known = {one.corpus: one.model for one in (await exbert.list_corpora()).corpora}
    if corpus not in known:
        raise ToolError(f"there is no corpus {corpus!r}; there are: {', '.join(known) or 'none yet'}")
    answer = await exbert.attend(text=text, model=known[corpus], heads=[0], top_k=0, tensors="uint8")
    number = token_named(answer, token)
    found = await exbert.search_contexts(
        corpus, capture_id=answer.capture_id, token=number, layer=layer, heads=heads, k=k, distinct=True
    )
    return found, _look(text, corpus=corpus, layer=layer, heads=heads, token=number)


def _look(text: str, **options: object) -> str:
    """The command that shows the same as a page to click in."""
    return _command("look", "report", text, **options, output="page.html")


def _command(word: str, command: str, text: str, **options: object) -> str:
    """A command about a text, in one line. A long text, or one of several lines, is left to standard input."""
    is_short = len(text.encode()) <= _SHORT and len(text.splitlines()) == 1 and not text.startswith("-")
    named = []
    for name, value in options.items():
        if value is not None:
            shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            named += [f"--{name}", shown]
    line = shlex.join(["exbert-rpc", command, text if is_short else "-", *named])
    return f"{word}: {line}" + ("" if is_short else "   (give it the text on standard input)")
