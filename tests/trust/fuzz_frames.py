"""Coverage-guided fuzzing of the frame reader: ``python -m tests.trust.fuzz_frames -runs=100000``. Needs atheris."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["exbert_rpc.server.framing", "exbert_rpc.server.jsonrpc"]):
    from exbert_rpc.server.framing import FrameReader
    from exbert_rpc.server.stdio import message_of

MAX_HEADER, MAX_BODY = 200, 400
SEED = b"Content-Length: 2\r\n\r\n{}"


def one(data: bytes) -> None:
    """Bytes in one piece and in many give the same bodies, raise nothing, and nothing is hoarded."""
    provider = atheris.FuzzedDataProvider(data)
    size = provider.ConsumeIntInRange(1, 40)
    stream = provider.ConsumeBytes(4096)
    stream = stream.replace(b"\xff", SEED)
    whole = bodies(FrameReader(MAX_HEADER, MAX_BODY), [stream])
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert bodies(FrameReader(MAX_HEADER, MAX_BODY), pieces) == whole
    for body in whole:
        assert len(body) <= MAX_BODY
        message_of(body)


def bodies(reader: FrameReader, pieces: list[bytes]) -> list[bytes]:
    """The message bodies in a stream."""
    return [found for piece in pieces for found in reader.feed(piece) if isinstance(found, bytes)]


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
