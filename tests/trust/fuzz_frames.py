"""Coverage-guided fuzzing of the frame reader: ``python -m tests.trust.fuzz_frames -runs=100000``. Needs atheris.

``--planted NAME`` fuzzes a reader with a bug instead; that must be found.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["exbert_rpc.protocol.framing", "exbert_rpc.protocol.jsonrpc"]):
    from exbert_rpc.protocol.framing import FrameReader
    from tests.trust.frame_property import LONG, PLANTED, SEED, Reader, check

READER: list[Reader] = [FrameReader]


def one(data: bytes) -> None:
    """One input: how large the pieces are, and the stream; two bytes of it stand for whole frames."""
    provider = atheris.FuzzedDataProvider(data)
    size = provider.ConsumeIntInRange(1, 40)
    stream = provider.ConsumeBytes(4096)
    check(stream.replace(b"\xff", SEED).replace(b"\xfe", LONG), size, READER[0])


if __name__ == "__main__":
    if "--planted" in sys.argv:
        at = sys.argv.index("--planted")
        READER[0] = PLANTED[sys.argv[at + 1]]
        del sys.argv[at : at + 2]
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
