"""The frame reader: any pieces, any noise, hard caps."""

from __future__ import annotations

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from exbert_rpc.protocol.framing import MAX_HEADER, FrameError, FrameReader, encode_frame

# frames that are wrong, each for its own reason
MALFORMED = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO localhost\r\n",
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n\r\n',
    b'[{"jsonrpc":"2.0"}]\n',
    b"\r\n\r\n",
    b"\n\n",
    b"\r\r",
    b"\x00",
    b"\x00\x00\x00\x28{}",
    b"\xff\xfe\xfd",
    b"\xef\xbb\xbfContent-Length: 2\r\n\r\n{}",
    b" Content-Length: 2\r\n\r\n{}",
    b"Content-Length 2\r\n\r\n{}",
    b"Content-Length\r\n\r\n{}",
    b"Content-Length:\r\n\r\n{}",
    b"Content-Length: \r\n\r\n{}",
    b"Content-Length: abc\r\n\r\n{}",
    b"Content-Length: -2\r\n\r\n{}",
    b"Content-Length: +2\r\n\r\n{}",
    b"Content-Length: 2.0\r\n\r\n{}",
    b"Content-Length: 2e0\r\n\r\n{}",
    b"Content-Length: 0x2\r\n\r\n{}",
    b"Content-Length: 2 2\r\n\r\n{}",
    b"Content-Length: 2,2\r\n\r\n{}",
    b"Content-Length: 2;\r\n\r\n{}",
    b"Content-Length: \xd9\xa2\r\n\r\n{}",
    b"Content-Length: \xb2\r\n\r\n{}",
    b"Content-Length: 2\x00\r\n\r\n{}",
    b"Content-Length: 2\n\n{}",
    b"Content-Length: 2\r\r{}",
    b"Content-Length: 2\n\r\n\r{}",
    b"Content-Length: 2\r\n\n{}",
    b"Content-Length: 2\r\n {}",
    b"Content-Length: 2\r\n\tfolded: no\r\n\r\n{}",
    b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    b"Content-Length: 2\r\ncontent-length: 3\r\n\r\n{}",
    b"Content-Length: 99999999999999999999999999\r\n\r\n{}",
    b"Content-Length: 67108865\r\n\r\n",
    b"Content-Length: 18446744073709551616\r\n\r\n",
    b"Content-Length: 9223372036854775807\r\n\r\n",
    b"Content-Type: application/json\r\n\r\n{}",
    b"Content-Type: x; charset=utf-16\r\nContent-Length: 2\r\n\r\n{}",
    b"Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc; charset=latin-1\r\n\r\n{}",
    b'Content-Length: 2\r\nContent-Type: x; charset="ascii"\r\n\r\n{}',
    b"X: " + b"a" * MAX_HEADER + b"\r\nContent-Length: 2\r\n\r\n{}",
    b"a" * (MAX_HEADER + 1),
    b"A: b\r\n" * 2_000,
    b"X-\xc3\xa9: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"X Y: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"X: \x07\r\nContent-Length: 2\r\n\r\n{}",
    b": 1\r\nContent-Length: 2\r\n\r\n{}",
    b"(X): 1\r\nContent-Length: 2\r\n\r\n{}",
    b"X: 1\r\n\r\n",
    b"Content-Length=2\r\n\r\n{}",
    b"Content-Length : 2\r\n\r\n{}",
    b"Content_Length: 2\r\n\r\n{}",
    b"<policy-file-request/>\x00",
    b"*1\r\n$4\r\nPING\r\n",
]


def read(data: bytes, pieces: list[int] | None = None) -> list[bytes | FrameError]:
    reader, found, at = FrameReader(), [], 0
    for size in pieces or [len(data)]:
        found += reader.feed(data[at : at + size])
        at += size
    return found + list(reader.feed(data[at:]))


def test_there_are_at_least_sixty_malformed_frames():
    assert len(MALFORMED) >= 60 and len(set(MALFORMED)) == len(MALFORMED)


@pytest.mark.parametrize("noise", MALFORMED)
def test_a_malformed_frame_is_an_error_at_once(noise):
    found = read(noise)
    assert isinstance(found[0], FrameError)


@pytest.mark.parametrize("noise", MALFORMED)
def test_a_malformed_frame_is_an_error_byte_by_byte_too(noise):
    found = read(noise, [1] * len(noise))
    assert isinstance(found[0], FrameError)


@pytest.mark.parametrize(
    "noise",
    [
        one
        for one in MALFORMED
        if not one.startswith((b"Content-Length: 67", b"Content-Length: 184", b"Content-Length: 92"))
    ],
)
def test_a_good_frame_behind_noise_is_found(noise):
    assert read(noise + encode_frame(b'{"ok":1}'))[-1] == b'{"ok":1}'


def test_a_body_that_is_too_long_is_dropped_and_the_next_frame_is_read():
    reader = FrameReader(max_body=10)
    found = list(reader.feed(b"Content-Length: 20\r\n\r\n" + b"Content-Length: 1\r\n\r" + encode_frame(b"[]")))
    assert isinstance(found[0], FrameError) and "20" in found[0].reason
    assert found[1:] == [b"[]"]


def test_nothing_is_allocated_for_a_body_that_has_not_come():
    reader = FrameReader(max_body=1 << 40)
    assert list(reader.feed(b"Content-Length: 1000000000000\r\n\r\nabc")) == []
    assert reader.pending


def test_header_names_are_case_insensitive_and_content_type_may_name_utf8():
    for name in (b"content-length", b"CONTENT-LENGTH"):
        assert read(name + b": 2\r\n\r\n[]") == [b"[]"]
    for charset in (b"utf-8", b"utf8", b"UTF-8", b'"utf-8"'):
        assert read(b"Content-Type: a/b; charset=" + charset + b"\r\nContent-Length:2\r\n\r\n[]") == [b"[]"]


@seed(1)
@settings(max_examples=300, deadline=None)
@given(bodies=st.lists(st.binary(max_size=200), max_size=8), data=st.data())
def test_frames_split_at_any_points_are_read_whole(bodies, data):
    stream = b"".join(encode_frame(body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    pieces = [b - a for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(stream, pieces) == bodies


@seed(2)
@settings(max_examples=500, deadline=None)
@given(noise=st.binary(max_size=300))
def test_any_noise_is_survived_and_split_noise_gives_the_same_bodies(noise):
    whole = [one for one in read(noise) if isinstance(one, bytes)]
    split = [one for one in read(noise, [1] * len(noise)) if isinstance(one, bytes)]
    assert whole == split
