"""Negative controls: the harnesses of this folder find fault with what is known to be bad."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from exbert_rpc.protocol.framing import FrameReader
from tests.server.harness import ROOT
from tests.trust.deaths import seconds_to_follow
from tests.trust.frame_property import PLANTED, hunt
from tests.trust.mixed import Footprint, Mix, growth
from tests.trust.real import Real


def test_any_stream_gives_the_frame_reader_the_same_bodies_however_it_is_cut():
    assert hunt(FrameReader, 3_000, seed=1) is None


@pytest.mark.parametrize("reader", PLANTED.values(), ids=PLANTED.keys())
def test_a_bug_that_is_planted_in_the_frame_reader_is_found(reader):
    assert hunt(reader, 3_000, seed=1) is not None


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
def test_a_bug_that_is_planted_in_the_frame_reader_is_found_by_atheris(tmp_path):
    command = [sys.executable, "-m", "tests.trust.fuzz_frames", "--planted", "LosesHalfHeaders"]
    command += ["-runs=200000", "-max_len=500", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode != 0 and "pieces give other bodies" in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Footprint(1_060, 12, 11, 2), "memory"),
        (Footprint(1_000, 13, 11, 2), "threads"),
        (Footprint(1_000, 12, 14, 2), "descriptors"),
        (Footprint(1_000, 12, 11, 3), "helpers"),
    ],
)
def test_each_kind_of_growth_is_told(end, words):
    (told,) = growth(Footprint(1_000, 12, 11, 2), end)
    assert words in told
    assert growth(Footprint(1_000, 12, 11, 2), Footprint(1_049, 12, 11, 2)) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_that_leaks_is_found_by_the_mixed_requests(tmp_path, tiny_bert):
    with Real(tmp_path / "store", model=tiny_bert, program=("tests.trust.worse_server", "leaking")) as server:
        mix = Mix(server)
        told = growth(mix.some(60), mix.some(240))
    assert {one.split()[0] for one in told} == {"memory", "threads:", "descriptors:"}


@pytest.mark.slow
@pytest.mark.parametrize("work", ["idle", "attend"])
def test_a_server_that_does_not_watch_its_parent_is_found_to_outlive_it(tiny_bert, work):
    program = ("tests.trust.worse_server", "outliving")
    with pytest.raises(AssertionError, match="outlived the parent"):
        seconds_to_follow(tiny_bert, work, 0, program=program, limit=4.0)
