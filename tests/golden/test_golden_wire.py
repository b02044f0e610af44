"""What goes over the wire, byte for byte: clients of today must read the answers of tomorrow.

A change of the engine that alters an answer belongs into the tests of the engine; here only the form counts. If the
protocol gains a field, write the file again (``python -m tests.golden.transcript tests/golden/wire.jsonl``) and read
the difference.
"""

from __future__ import annotations

import json

from tests.golden.transcript import CONVERSATION, FILE, converse


def test_every_answer_of_a_recorded_conversation_is_what_it_was():
    recorded = FILE.read_bytes().splitlines()
    answered = converse()
    assert answered == recorded


def test_the_conversation_asks_for_every_method_of_the_protocol():
    schema = json.loads((FILE.parents[2] / "protocol" / "schema.json").read_text(encoding="utf-8"))
    assert set(schema["methods"]) <= {message["method"] for message in CONVERSATION}
