"""The other end of an :class:`~exbert_rpc.text.annotation.pool.AnnotatorPool`: it annotates what it is sent.

Frames on stdin and stdout: 8 bytes of little-endian length, then a pickle. The process ends when its stdin
does, so it never outlives its parent, however that one ends.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import sys
from typing import BinaryIO, cast

from exbert_rpc.errors import ExbertError
from exbert_rpc.text.annotation.pipeline import Annotator, import_spacy_for


def write_frame(stream: BinaryIO, value: object) -> None:
    """Send one value."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(8, "little"))
    stream.write(data)
    stream.flush()


def read_frame(stream: BinaryIO) -> object:
    """Receive one value; EOFError if the other end is gone."""
    head = stream.read(8)
    data = stream.read(int.from_bytes(head, "little")) if len(head) == 8 else b""
    if not data:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Answer frames until stdin ends: a pipeline's name first, then lists of texts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    replies = io.BufferedWriter(io.FileIO(os.dup(1), "wb"))
    os.dup2(2, 1)  # what a pipeline prints must not land among the frames
    requests = sys.stdin.buffer
    try:
        annotator = None
        while True:
            request = read_frame(requests)
            try:
                if annotator is None:
                    import_spacy_for(str(request))
                    annotator = Annotator(str(request))
                    reply: object = annotator.info
                else:
                    reply = list(annotator.annotate_many(cast(list[str], request)))
            except ExbertError as exc:
                reply = (exc.kind, exc.message, exc.hint, dict(exc.data))
            except Exception as exc:
                reply = ("error", f"the pipeline failed: {type(exc).__name__}: {exc}", "", {})
            write_frame(replies, reply)
    except (EOFError, BrokenPipeError, ConnectionError):
        os._exit(0)  # nothing to clean up, and flushing to a parent that is gone would raise


if __name__ == "__main__":
    main()
