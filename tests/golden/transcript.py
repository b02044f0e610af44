"""One conversation with a real server process over the fake engine: every method, and every kind of error.

``python -m tests.golden.transcript FILE`` writes it. What differs from one run to the next (session ids, times) is
replaced by a placeholder, as are the words of errors and messages to a person; everything else is compared byte for
byte.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.server.harness import Server, frame, notice, request

FILE = Path(__file__).with_name("wire.jsonl")

_TEXT = {"text": "The girl ran 😀 away."}
_INITIALIZE = {
    "processId": None,
    "rootUri": None,
    "capabilities": {"general": {"positionEncodings": ["utf-16"]}, "window": {"workDoneProgress": True}},
    "initializationOptions": {"model": "fake", "nonsense": 1},
}
_DOCUMENT = {"uri": "file:///notes.md", "languageId": "markdown", "version": 1, "text": "One two.\nThree four five.\n"}
_PLACE = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 16}}

CONVERSATION: list[dict] = [
    request("early", "attend", _TEXT),
    request(0, "initialize", _INITIALIZE),
    notice("initialized", {}),
    notice("textDocument/didOpen", {"textDocument": _DOCUMENT}),
    request(1, "ping"),
    request(2, "listModels", {}),
    request(3, "describeModel", {"model": "fake"}),
    request(4, "describeModel", {"model": "other"}),
    request(5, "attend", _TEXT),
    request(6, "attend", {**_TEXT, "layers": [1], "heads": [0, 2], "tensors": "float16", "mask": [2]}),
    request(7, "attend", {**_TEXT, "tensors": "uint8", "annotate": False, "topK": 0}),
    request(8, "attend", {"textDocument": {"uri": "file:///notes.md"}, "range": _PLACE, "workDoneToken": "t"}),
    request(9, "attend", {"text": "huge"}),
    request(10, "attend", {"text": " "}),
    request(11, "attend", {"text": "x", "captureId": "c"}),
    request(12, "attend", {"text": "x", "layer": 1}),
    request(13, "attend", {"captureId": "never"}),
    request(14, "attend", {"text": "raise:ModelNotSupported"}),
    request(15, "attend", {"text": "raise:RuntimeError"}),
    request(16, "attend", {"text": "x", "topK": "many"}),
    request(20, "searchContexts", {**_TEXT, "corpus": "demo", "layer": 0, "token": 1, "k": 2}),
    request(21, "searchContexts", {**_TEXT, "corpus": "demo", "layer": 0, "hiddenLayer": 0, "token": 1}),
    request(22, "searchContexts", {**_TEXT, "corpus": "demo", "space": "hiddenState", "hiddenLayer": 1, "token": 1}),
    request(23, "searchContexts", {**_TEXT, "corpus": "none", "layer": 0, "token": 1}),
    request(24, "searchContexts", {**_TEXT, "corpus": "demo", "layer": 0, "token": 1, "k": 0}),
    request(30, "summarize", {"searchId": "s0"}),
    request(31, "summarize", {"searchId": "never"}),
    request(32, "summarize", {**_TEXT, "corpus": "demo", "layer": 0, "token": 1, "subject": "next"}),
    request(33, "summarize", {"searchId": "s0", "k": 7}),
    request(34, "summarize", {"searchId": "s0", "controls": []}),
    request(35, "summarize", {"searchId": "s0", "controls": ["peers"]}),
    request(36, "summarize", {"searchId": "s0", "controls": ["luck"]}),
    request(90, "profileHeads", {"corpus": "demo"}),
    request(91, "profileHeads", {"corpus": "demo", "layers": [0], "heads": [1], "examples": 1, "measures": ["roles"]}),
    request(92, "profileHeads", {"corpus": "none"}),
    request(93, "profileHeads", {"corpus": "demo", "examples": 21}),
    request(40, "indexCorpus", {"corpus": "new", "sources": [{"uri": "mem:1", "text": "One."}]}),
    request(41, "indexCorpus", {"corpus": "new", "sources": [{"uri": " ", "text": "One."}]}),
    request(47, "previewSources", {"sources": [{"uri": "mem:1.csv", "text": "id,body\n1,One.\n"}]}),
    request(48, "previewSources", {"sources": []}),
    request(42, "listCorpora"),
    request(43, "describeCorpus", {"corpus": "demo"}),
    request(44, "describeCorpus", {"corpus": "none"}),
    request(45, "describeCorpus", {"corpus": " "}),
    request(46, "removeCorpus", {"corpus": "demo"}),
    request(60, "ablateHeads", {**_TEXT, "heads": "each"}),
    request(61, "ablateHeads", {**_TEXT, "heads": [{"layer": 1, "head": 2}], "mode": "zero", "keep": True, "topK": 0}),
    request(62, "ablateHeads", {**_TEXT, "heads": [{"layer": 1, "head": 2}], "against": "Another one."}),
    request(63, "ablateHeads", {**_TEXT, "heads": [{"layer": 2, "head": 0}]}),
    request(64, "ablateHeads", {**_TEXT, "heads": "all"}),
    request(65, "ablateHeads", {**_TEXT, "heads": [{"layer": 1}]}),
    request(70, "decompose", _TEXT),
    request(71, "decompose", {**_TEXT, "token": 2, "target": " a", "contrast": 7, "topK": 1}),
    request(72, "decompose", {**_TEXT, "against": "Another one."}),
    request(73, "decompose", {**_TEXT, "target": 1.5}),
    request(74, "queryKey", {"captureId": "c1", "token": 1, "layer": 0, "head": 1, "stack": "cross"}),
    request(75, "queryKey", {"captureId": "never", "token": 1, "layer": 0, "head": 1}),
    request(76, "queryKey", {"token": 1, "layer": 0, "head": 1}),
    request(80, "compareCaptures", {"captureIds": ["never", "never"]}),
    request(81, "compareCaptures", {"captureIds": ["one"]}),
    request(
        85, "searchRelations", {**_TEXT, "corpus": "demo", "layer": 0, "head": 1, "source": 2, "target": 1, "k": 1}
    ),
    request(86, "searchRelations", {**_TEXT, "corpus": "demo", "layer": 0, "head": 3, "source": 2, "target": 1}),
    request(87, "searchRelations", {**_TEXT, "corpus": "demo", "layer": 0, "head": 1, "source": 2}),
    request(88, "searchRelations", {**_TEXT, "corpus": "none", "layer": 0, "head": 1, "source": 2, "target": 1}),
    request(50, "exbertKnowsNoSuchMethod", {}),
    request(99, "shutdown"),
    request(100, "ping"),
]

_VOLATILE = (
    (re.compile(rb'"captureId":"c(\d+)-[0-9a-f]{6}"'), rb'"captureId":"c\1-SESSION"'),
    (re.compile(rb'"uptimeSeconds":[0-9.]+'), rb'"uptimeSeconds":0'),
    (re.compile(rb'"version":"[^"]*"\}\}'), rb'"version":"VERSION"}}'),
    (re.compile(rb'"(message|hint)": ?"(?:[^"\\]|\\.)*"'), rb'"\1":"WORDS"'),
)


def converse() -> list[bytes]:
    """Bodies of all messages of the server but progress reports, in the order of the requests."""
    seen: list[bytes] = []
    with Server() as server:
        peer = server.peer()
        for message in CONVERSATION:
            peer.send(message)
            if "id" in message:
                peer.reply()
                seen += _bodies(bytes(peer.raw_seen))
                peer.raw_seen.clear()
        peer.send_raw(frame(notice("exit")))
        assert server.wait() == 0
    return [_steady(body) for body in seen if b'"method":"$/progress"' not in body]


def _bodies(stream: bytes) -> list[bytes]:
    found = []
    while stream:
        header, _, rest = stream.partition(b"\r\n\r\n")
        length = int(header.partition(b"Content-Length:")[2])
        found.append(rest[:length])
        stream = rest[length:]
    return found


def _steady(body: bytes) -> bytes:
    for pattern, replacement in _VOLATILE:
        body = pattern.sub(replacement, body)
    return body


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(b"\n".join(converse()) + b"\n")
