"""Inputs, answers, tensors, failures and options, each against something independent."""

from __future__ import annotations

import base64
import json
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from exbert_rpc import errors
from exbert_rpc.engine.corpus_requests import IndexDefaults
from exbert_rpc.engine.requests import AnswerSize, TokenTable
from exbert_rpc.errors import AnswerTooLarge, InvalidParams
from exbert_rpc.methods.attend import tensor_shapes
from exbert_rpc.methods.results import encode_tokens
from exbert_rpc.methods.validation import validate
from exbert_rpc.protocol.arrays import to_array
from exbert_rpc.protocol.error_codes import CODES, Failure, failure_of, scrub
from exbert_rpc.protocol.jsonrpc import encode
from exbert_rpc.protocol.tensors import check_size, encode_tensor, estimated_bytes, to_half
from exbert_rpc.protocol.types.attend import AttendParams
from exbert_rpc.protocol.types.base import Tensor
from exbert_rpc.protocol.types.index_corpus import IndexParams
from exbert_rpc.protocol.types.search_contexts import SearchParams
from exbert_rpc.protocol.types.summarize import SummarizeParams
from exbert_rpc.server.options import ServerOptions, confine, parse_options
from exbert_rpc.server.workers import QueueFull, WorkerPool
from tests.patience import PATIENCE
from tests.server.fake_engine import encoding_of
from tests.server.harness import Server
from tests.server.requests import Requests

# --- tensors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 5, 5), (1, 1, 200, 200), (3,), (0, 2), (2, 0, 4)])
@pytest.mark.parametrize(("form", "tolerance"), [("list", 6e-8), ("float16", 2**-11), ("uint8", 0.5 / 255 + 1e-7)])
def test_a_tensor_survives_the_wire_in_every_form(shape, form, tolerance):
    array = np.random.default_rng(0).random(shape, dtype=np.float32)
    encoded = json.loads(encode(encode_tensor(array, form)))
    assert encoded["shape"] == list(shape)
    if form == "list":
        assert (encoded["dtype"], encoded["encoding"]) == ("float32", "list")
        decoded = np.array(encoded["data"], dtype=np.float32).reshape(shape)
    else:
        assert (encoded["dtype"], encoded["encoding"]) == (form, "base64")
        raw = base64.b64decode(encoded["data"])
        decoded = np.frombuffer(raw, "<f2" if form == "float16" else "u1").astype(np.float64).reshape(shape)
        decoded = decoded / 255 if form == "uint8" else decoded
    assert decoded.size == 0 or np.abs(decoded - array).max() <= tolerance


def test_halves_are_those_of_numpy_for_every_exponent_and_at_every_tie():
    bits = np.arange(0, 0x3F800001, 4093, dtype=np.uint32)
    ties = np.arange(0, 0x3F800001, 1 << 12, dtype=np.uint32)
    values = np.concatenate([bits, ties, np.array([0x3F800000], np.uint32)]).view(np.float32)
    np.testing.assert_array_equal(to_half(values).view("<u2"), values.astype("<f2").view("<u2"))


@pytest.mark.parametrize("form", ["list", "float16", "uint8"])
def test_the_client_reads_what_the_server_wrote(form):
    array = np.random.default_rng(1).random((2, 3, 4), dtype=np.float32)
    tensor = msgspec.json.decode(encode(encode_tensor(array, form)), type=Tensor)
    read = to_array(tensor)
    assert read.shape == (2, 3, 4) and read.dtype == np.float32
    np.testing.assert_allclose(read, array, atol=0.002)


def test_the_size_of_an_answer_is_known_before_it_exists():
    rows = np.random.default_rng(2).random((4, 4, 60, 60), dtype=np.float32)
    rows /= rows.sum(-1, keepdims=True)
    for form in ("list", "float16", "uint8"):
        real = len(encode(encode_tensor(rows, form)))
        assert real * 0.9 < estimated_bytes([rows.shape], form) < real * 1.2


def test_an_answer_that_is_too_large_is_refused_with_what_would_fit():
    check_size([(12, 12, 100, 100)], "uint8", 2**20 * 48, 12)
    with pytest.raises(AnswerTooLarge) as refusal:
        check_size([(12, 12, 512, 512)], "list", 48 * 2**20, 12)
    assert refusal.value.data["bytes"] > refusal.value.data["limit"] == 48 * 2**20
    assert 'tensors: "uint8"' in refusal.value.hint and "at most 1 of the 12 layers" in refusal.value.hint
    assert estimated_bytes([(1, 12, 512, 512)], "list") <= 48 * 2**20


def test_cross_and_decoder_attention_count_too():
    assert tensor_shapes(AnswerSize(5, 3, 2, 4)) == [(2, 4, 5, 5), (2, 4, 3, 3), (2, 4, 3, 5)]
    assert tensor_shapes(AnswerSize(5, 0, 2, 4)) == [(2, 4, 5, 5)]


def test_an_answer_beyond_the_limit_is_a_documented_error_over_the_wire():
    with Server("stdio", "--answer-bytes", "1000") as server:
        peer = server.ready()
        error = peer.error("attend", {"text": "a b c d e f g"})
        assert error["code"] == -33007 and error["data"]["limit"] == 1000
        assert peer.result("attend", {"text": "a b c", "layers": [0], "heads": [0], "tensors": "uint8"})


# --- inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "text"),
        ({"text": "a", "captureId": "c"}, "captureId"),
        ({"text": "a", "textDocument": {"uri": "u"}}, "textDocument"),
        ({"captureId": "c", "mask": [1]}, "mask"),
        ({"captureId": "c", "textPair": "b"}, "textPair"),
        ({"text": "a", "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}}, "range"),
        ({"text": "a \udc00"}, "text"),
        ({"text": "a", "textPair": "\ud800"}, "textPair"),
    ],
)
def test_a_text_input_is_exactly_one_of_its_forms(params, field):
    with pytest.raises(InvalidParams) as refusal:
        Requests().attend(validate(AttendParams, params))
    assert refusal.value.data["field"] == field


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"corpus": "c", "text": "a", "token": 1}, "layer"),
        ({"corpus": "c", "text": "a", "token": 1, "hiddenLayer": 1}, "layer"),
        ({"corpus": "c", "text": "a", "token": 1, "layer": 1, "hiddenLayer": 1}, "hiddenLayer"),
        ({"corpus": "c", "text": "a", "token": 1, "space": "hiddenState", "layer": 1}, "hiddenLayer"),
        ({"corpus": "c", "text": "a", "layer": 1}, "token"),
        ({"corpus": "c", "text": "a", "layer": 1, "position": {"line": 0, "character": 0}}, "position"),
        ({"corpus": "c", "text": "a", "layer": 1, "token": 1, "k": 1001}, "k"),
        ({"corpus": "c", "text": "a", "layer": 1, "token": -1}, "token"),
        ({"corpus": "c", "text": "a", "layer": 1, "token": 1, "filter": {"pos": 5}}, "filter.pos"),
        ({"corpus": "c", "text": "a", "layer": 1, "token": 1, "filter": {"part": "NOUN"}}, "filter.part"),
        ({"text": "a", "layer": 1, "token": 1}, "corpus"),
    ],
)
def test_a_search_names_the_field_that_is_wrong(params, field):
    with pytest.raises(InvalidParams) as refusal:
        Requests().search(validate(SearchParams, params))
    assert refusal.value.data["field"] == field


def test_a_summary_takes_a_handle_or_a_search_and_not_both():
    assert Requests().summarize(validate(SummarizeParams, {"searchId": "s"})).search is None
    request = Requests().summarize(validate(SummarizeParams, {"corpus": "c", "text": "a", "token": 1, "layer": 0}))
    assert request.search_id is None and request.search.corpus == "c"
    for params, field in (({}, "corpus"), ({"searchId": "s", "textDocument": {"uri": "u"}}, "textDocument")):
        with pytest.raises(InvalidParams) as refusal:
            Requests().summarize(validate(SummarizeParams, params))
        assert refusal.value.data["field"] == field


def test_options_of_the_client_are_the_defaults_of_its_requests():
    mine = Requests(ServerOptions(model="m", pipeline="p", precision="int4"))
    assert mine.attend(validate(AttendParams, {"text": "a"})).model == "m"
    assert mine.attend(validate(AttendParams, {"captureId": "c"})).model is None
    request = mine.index(
        validate(IndexParams, {"corpus": "c", "sources": ["x", {"uri": "u", "text": "t"}], "pipeline": "q"})
    )
    assert (request.model, request.pipeline, request.precision) == (None, "q", None)
    assert request.defaults == IndexDefaults("m", "p", "int4")  # of a corpus that is not there yet
    assert request.sources == ("x", ("u", "t"))


def test_filters_take_one_value_or_many():
    params = {"corpus": "c", "text": "a", "token": 1, "layer": 0, "filter": {"pos": "NOUN", "dep": ["obj", "nsubj"]}}
    found = Requests().search(validate(SearchParams, params)).filter
    assert (found.pos, found.dep, found.entity) == (("NOUN",), ("obj", "nsubj"), None)


# --- answers -----------------------------------------------------------------------------------------


@seed(8)
@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.text(alphabet="aé😀", min_size=1, max_size=4), min_size=1, max_size=6))
def test_in_utf32_every_token_slices_back_to_its_text(words):
    text = " ".join(words)
    for token in encode_tokens(TokenTable(encoding_of(text)), "utf-32"):
        assert token.is_special or text[token.start : token.end] == token.text
    for token in encode_tokens(TokenTable(encoding_of(text)), "utf-16"):
        raw = text.encode("utf-16-le")
        assert token.is_special or raw[2 * token.start : 2 * token.end].decode("utf-16-le") == token.text


# --- failures ----------------------------------------------------------------------------------------


def test_every_error_of_the_engine_has_a_code_of_its_own():
    classes = {
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.ExbertError)
    }
    assert classes - {errors.ExbertError} == set(CODES)
    assert len({code for code, _ in CODES.values()}) == len(CODES)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("no file /home/user/.cache/exbert/x.bin here", "no file x.bin here"),
        ("[Errno 28] No space left: '/var/lib/store/seg'", "[Errno 28] No space left: 'seg'"),
        ("at file:///srv/a%20b/c.md.", "at c.md."),
        (r"C:\Users\me\file.txt is gone", "file.txt is gone"),
        ("either/or and 1/2 and a/b/c stay", "either/or and 1/2 and a/b/c stay"),
        ("http://host/path/x stays", "http://host/path/x stays"),
    ],
)
def test_paths_of_the_machine_are_cut_to_their_last_part(text, clean):
    assert scrub(text) == clean


def test_a_path_that_the_client_sent_may_be_repeated():
    error = errors.InvalidParams("sources", "/data/my/notes.txt cannot be read", hint="see /srv/app/log")
    failure = failure_of(error, {"sources": ["/data/my/notes.txt"]})
    assert "/data/my/notes.txt" in failure.message and failure.hint == "see log"


def test_data_of_an_error_is_plain_json_whatever_it_held():
    error = errors.CorpusDamaged(
        "x", file="/a/b/c", sizes=(1, 2), nested={"p": "/a/b/d"}, other=object, nan=float("nan")
    )
    decoded = json.loads(failure_of(error).to_json())
    assert decoded["code"] == -33005 and decoded["data"]["kind"] == "corpusDamaged"
    decoded = json.loads(failure_of(errors.CorpusDamaged("x", file="/a/b/c", nested={"p": "/a/b/d"})).to_json())
    assert decoded["data"]["file"] == "c" and decoded["data"]["nested"] == {"p": "d"}


def test_a_failure_is_ascii_json_even_with_lone_surrogates():
    assert json.loads(Failure(-1, "k", "\ud800 é").to_json().decode("ascii"))["message"] == "\ud800 é"


# --- options -----------------------------------------------------------------------------------------


def test_good_options_are_taken_and_bad_ones_reported():
    options, problems = parse_options(
        {"model": "m", "precision": "int3", "modle": "x", "trace": 1, "allowNetwork": True, "pipeline": None}
    )
    assert options == ServerOptions(model="m")
    assert len(problems) == 4
    text = "\n".join(problems)
    for words in ("int3", "did you mean `model`", "`trace`", "--allow-network"):
        assert words in text


@pytest.mark.parametrize("raw", [5, "x", [], True])
def test_options_that_are_no_object_are_reported(raw):
    options, problems = parse_options(raw)
    assert options == ServerOptions() and len(problems) == 1


@pytest.mark.parametrize("section", ["exbert", "exbertRpc", "exbert-rpc"])
def test_settings_of_an_editor_may_be_nested(section):
    assert parse_options({section: {"model": "m"}})[0].model == "m"


def test_a_token_is_never_shown():
    options = parse_options({"token": "secret"})[0]
    assert "secret" not in repr(options) and "secret" not in str(parse_options({"token": ["secret"]})[0])


def test_a_socket_client_keeps_what_is_its_own_and_loses_the_rest():
    options, problems = confine(ServerOptions(model="m", device="cuda", store="/x"), "socket")
    assert options == ServerOptions(model="m") and len(problems) == 2
    assert confine(ServerOptions(device="cuda"), "stdio") == (ServerOptions(device="cuda"), [])


def test_bad_options_are_told_to_the_client_and_the_server_lives_on(stdio):
    from tests.server.harness import notice

    stdio.send(notice("workspace/didChangeConfiguration", {"settings": {"model": 5, "nonsense": 1, "store": "/x"}}))
    assert stdio.result("ping")
    words = [note["params"]["message"] for note in stdio.other if note["method"] == "window/logMessage"]
    assert len(words) == 3 and any("started again" in word for word in words)
    assert [note["method"] for note in stdio.other].count("window/showMessage") == 1


# --- workers -----------------------------------------------------------------------------------------


def test_owners_take_turns_and_withdrawn_jobs_do_not_run():
    import threading

    pool, order, gate = WorkerPool("t", 1), [], threading.Event()
    done = threading.Semaphore(0)

    def job(name):
        def run():
            order.append(name)
            done.release()

        return run

    pool.submit("z", gate.wait)
    jobs = [pool.submit("a", job(f"a{number}")) for number in range(3)]
    pool.submit("b", job("b0"))
    assert pool.withdraw(jobs[1]) and not pool.withdraw(jobs[1])
    gate.set()
    for _ in range(3):
        assert done.acquire(timeout=PATIENCE)
    assert order == ["a0", "b0", "a2"]
    assert not pool.withdraw(jobs[0])
    pool.close()


def test_a_queue_has_an_end_for_each_owner():
    import threading

    pool, gate = WorkerPool("t", 1, limit=2), threading.Event()
    pool.submit("x", gate.wait)
    while pool._n_waiting:
        pass
    for _ in range(2):
        pool.submit("a", lambda: None)
    with pytest.raises(QueueFull):
        pool.submit("a", lambda: None)
    pool.submit("b", lambda: None)
    gate.set()
    pool.close()


def test_as_many_jobs_run_at_once_as_there_are_threads():
    import threading

    pool, barrier = WorkerPool("t", 3), threading.Barrier(4)
    for _ in range(3):
        pool.submit("a", barrier.wait)
    barrier.wait(timeout=PATIENCE)
    pool.close()


def test_random_submits_and_withdrawals_run_each_job_once_or_never():
    import threading

    random.seed(9)
    pool, ran, lock = WorkerPool("t", 3), [], threading.Lock()

    def job(number):
        def run():
            with lock:
                ran.append(number)

        return run

    jobs = [pool.submit(str(number % 3), job(number)) for number in range(500)]
    withdrawn = {number for number in random.sample(range(500), 200) if pool.withdraw(jobs[number])}
    while pool.busy:
        pass
    assert sorted(ran) == sorted(set(range(500)) - withdrawn)
    pool.close()
