"""Stock pygls, for the negative controls: what our checks must be able to find fault with."""

from __future__ import annotations

from pygls.lsp.server import LanguageServer

server = LanguageServer("stock", "1")


@server.feature("attend")
def attend(params):
    print("a line of a careless library")
    return {"text": params.text}


@server.feature("unserialisable")
def unserialisable(_params):
    return object


if __name__ == "__main__":
    server.start_io()
