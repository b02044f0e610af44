"""What a person calls in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exbert_rpc import __version__
from exbert_rpc.client import Client
from exbert_rpc.errors import ExbertError, InvalidParams
from exbert_rpc.notebook.channels import EngineChannel, OpenChannel, ServerChannel, link_of
from exbert_rpc.notebook.engines import host_of
from exbert_rpc.tasks import Task

if TYPE_CHECKING:
    from exbert_rpc.notebook.widget import ViewWidget
    from exbert_rpc.server.host import Host

Model = object
"""A model id, or a transformers model."""


def view(
    text: str | None = None,
    *,
    corpus: str | None = None,
    model: Model | None = None,
    tokenizer: object | None = None,
    layer: int | None = None,
    heads: Sequence[int] | None = None,
    token: int | None = None,
    pair: str | None = None,
    client: Client | None = None,
    store: str | Path | None = None,
    height: str = "560px",
) -> ViewWidget:
    """The view as the output of a cell.

    Args:
        text: The text to read; without one, it is typed in the view.
        corpus: Where contexts come from.
        model: Model id (default: the corpus' model, or the default one), or a transformers model of your own, with
            its ``tokenizer``. It is copied, verified as any other, and named in the view by its class and a digest.
        tokenizer: The fast tokenizer of a model of your own.
        layer: Attention layer that is shown first.
        heads: Heads that are shown first; ``None``: all.
        token: Index of the token that is pinned first.
        pair: A second segment.
        client: A client that is connected to a server (:meth:`Client.connect`), which answers instead of an engine in
            this process; the view opens a session of its own with that server.
        store: Folder of the corpora; ``None``: the user's.
        height: Of the view, in CSS.

    Raises:
        ExbertError: anywidget is missing.
        ModelNotSupported: a model of your own cannot be reproduced exactly, or not be copied; it says why.
        InvalidParams: arguments that do not go together.
    """
    widget = _widget_class()
    name: str | None
    opened: OpenChannel
    if client is None:
        host = host_of(store)
        name = _model_id(host, model, tokenizer)
        opened, asking = partial(EngineChannel, host), _asking(host)
        if name is None and corpus is not None:
            name = _model_of(host, corpus)
    else:
        name = _server_model(model, tokenizer, store)
        opened, asking = partial(ServerChannel, *_address_of(client)), _asking(client)
        if name is None and corpus is not None:
            name = client.describe_corpus(corpus).model
    state = _state(text, pair, corpus, name, layer, heads, token)
    return widget(opened, partial(_page_of, asking), state, height)


def local(
    *,
    model: Model | None = None,
    tokenizer: object | None = None,
    store: str | Path | None = None,
) -> Client:
    """A client of the engine in this process: every method of the protocol, on the engine that views use.

    Args:
        model: Model of requests that name none; as of :func:`view`.
        tokenizer: The tokenizer of a model of your own.
        store: Folder of the corpora; ``None``: the user's.

    Raises:
        ModelNotSupported: a model of your own cannot be reproduced exactly.
    """
    host = host_of(store)
    name = _model_id(host, model, tokenizer)
    return Client(link_of(host), options=None if name is None else {"model": name})


def report(
    text: str,
    path: str | Path,
    *,
    corpus: str | None = None,
    model: Model | None = None,
    tokenizer: object | None = None,
    layer: int | None = None,
    heads: Sequence[int] | None = None,
    token: int | None = None,
    k: int = 20,
    client: Client | None = None,
    store: str | Path | None = None,
) -> Path:
    """Write one page that shows a text, its attention and the contexts of its tokens, and needs no server.

    Args:
        text: The text to read.
        path: The file to write.
        corpus: Where contexts come from; ``None``: the page has none.
        model: As of :func:`view`.
        tokenizer: As of :func:`view`.
        layer: Attention layer that the page opens with; ``None``: the last one.
        heads: Heads that are shown and searched; ``None``: all.
        token: Index of the token whose contexts the page opens with.
        k: Contexts of each token, 1 to 1000.
        client: As of :func:`view`.
        store: Folder of the corpora; ``None``: the user's.

    Raises:
        ExbertError: what a method raises, or the page cannot be made.
    """
    if client is None:
        host = host_of(store)
        name, asked = _model_id(host, model, tokenizer), _asking(host)
    else:
        name, asked = _server_model(model, tokenizer, store), _asking(client)
    target = Path(path)
    target.write_text(_page(asked, text, name, corpus, layer, heads, token, k), encoding="utf-8", newline="\n")
    return target


def _asking(answers: Host | Client) -> Callable[[], Client]:
    """Opens a session that counts characters as a web page does: with the engine here, or a client's server."""
    if isinstance(answers, Client):
        address, secret = _address_of(answers)
        return lambda: Client.connect(address, token=secret, position_encoding="utf-16")
    return lambda: Client(link_of(answers), position_encoding="utf-16")


def _page(
    asking: Callable[[], Client],
    text: str,
    model: str | None,
    corpus: str | None,
    layer: int | None,
    heads: Sequence[int] | None,
    token: int | None,
    k: int,
) -> str:
    from exbert_rpc.report import ReportRequest, make_page, record

    request = ReportRequest(text, model, corpus, layer, None if heads is None else list(heads), token, k)
    with asking() as client:
        return make_page(record(request, client.ask), __version__)


def _page_of(asking: Callable[[], Client], state: Mapping[str, Any]) -> str:
    """The page of what a view shows; raises :class:`InvalidParams` for what a page does not hold."""
    from exbert_rpc.report import make_page, record, request_of_view

    request = request_of_view(state)
    with asking() as client:
        return make_page(record(request, client.ask), __version__)


def _widget_class() -> type[ViewWidget]:
    try:
        from exbert_rpc.notebook.widget import ViewWidget
    except ImportError as error:
        raise ExbertError(
            f"{error.name} is not installed", hint="pip install 'exbert-rpc[notebook]', and restart the kernel"
        ) from error
    return ViewWidget


def _model_id(host: Host, model: Model | None, tokenizer: object | None) -> str | None:
    """The id of a model; one that was given as an object gets one, once it is verified."""
    if model is None or isinstance(model, str):
        if tokenizer is not None:
            raise InvalidParams(
                "tokenizer", "goes with a model of your own", hint="give the model, too, or leave it out"
            )
        return model
    if tokenizer is None:
        raise InvalidParams("tokenizer", "a model of your own needs its tokenizer", hint="tokenizer=…")
    return host.engine().add_model(model, tokenizer, Task())


def _model_of(host: Host, corpus: str) -> str:
    """Model of a corpus; raises ``CorpusNotFound``."""
    return host.engine().describe_corpus(corpus).model


def _server_model(model: Model | None, tokenizer: object | None, store: object | None) -> str | None:
    """The id of a server's model; raises :class:`InvalidParams` for what only an engine of one's own takes."""
    if tokenizer is not None or store is not None or not (model is None or isinstance(model, str)):
        raise InvalidParams("client", "a server has models and a store of its own", hint="give the id of its model")
    return model


def _address_of(client: Client) -> tuple[str, str | None]:
    """Address and token of the server that a client is connected to."""
    if client.address is None:
        raise InvalidParams(
            "client",
            "this client's server serves it alone",
            hint="start one with `exbert-rpc serve --websocket` and connect with Client.connect, or leave client out",
        )
    return client.address


def _state(
    text: str | None,
    pair: str | None,
    corpus: str | None,
    model: str | None,
    layer: int | None,
    heads: Sequence[int] | None,
    token: int | None,
) -> dict[str, object]:
    """View state of the clients; what was not said stays as the view has it."""
    given = {"text": text} if pair is None else {"text": text, "textPair": pair}
    said = {
        "input": None if text is None else given,
        "corpus": corpus,
        "model": model,
        "layer": layer,
        "heads": None if heads is None else [int(head) for head in heads],
        "pinned": None if token is None else {"side": "left", "token": int(token)},
    }
    state: dict[str, object] = {name: value for name, value in said.items() if value is not None}
    return state if text is None else {**state, "label": "notebook"}
