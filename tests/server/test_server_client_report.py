"""What a client's answer writes as a page: the text that was read, or a reason."""

from __future__ import annotations

import sys

import pytest

from exbert_rpc.client import Client
from exbert_rpc.errors import CorpusNotFound, InvalidParams

COMMAND = [sys.executable, "-m", "tests.server.fake_server"]


@pytest.fixture(scope="module")
def client():
    with Client.spawn(command=COMMAND) as client:
        yield client


def test_an_answer_about_a_text_writes_its_page(client, tmp_path):
    read = client.attend(text="The girl ran 🏃 home.")
    page = read.report(tmp_path / "page.html", layer=1, heads=[0])
    assert page == tmp_path / "page.html"
    assert "<title>The girl ran 🏃 home.</title>" in page.read_text(encoding="utf-8")
    assert read == type(read)(**{name: getattr(read, name) for name in read.__struct_fields__})


@pytest.mark.parametrize("more", [{"mask": [1]}, {"text_pair": "He hid."}, {"weights": "valueNorm"}], ids=str)
def test_an_answer_about_more_than_a_text_says_what_a_page_holds(client, tmp_path, more):
    read = client.attend(text="The girl ran.", **more)
    with pytest.raises(InvalidParams, match="single text"):
        read.report(tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_pass_that_is_named_by_its_handle_may_be_a_changed_one_and_has_no_page(client, tmp_path):
    again = client.attend(capture_id=client.attend(text="The girl ran.").capture_id)
    with pytest.raises(InvalidParams, match="single text"):
        again.report(tmp_path / "page.html")


def test_what_the_server_refuses_is_raised_and_nothing_is_written(client, tmp_path):
    with pytest.raises(CorpusNotFound):
        client.attend(text="The girl ran.").report(tmp_path / "page.html", corpus="none")
    assert not (tmp_path / "page.html").exists()
