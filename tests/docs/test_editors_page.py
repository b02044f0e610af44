"""The hover that the page about editors quotes is what the server says."""

from __future__ import annotations

from pathlib import Path

import pytest

from exbert_rpc.engine import Engine
from exbert_rpc.methods.asking import ask
from exbert_rpc.methods.method import Context
from exbert_rpc.protocol.types.attend import AttendParams, AttendResult
from exbert_rpc.server.hover import tell, token_at
from exbert_rpc.server.options import ServerOptions
from exbert_rpc.tasks import Task

PAGE = Path(__file__).parents[2] / "docs" / "editors.md"
SENTENCE = "The girl ran to a local pub to escape the din of her city."


@pytest.mark.slow
def test_the_hover_on_the_page_is_that_of_the_real_model(tmp_path: Path) -> None:
    asked = AttendParams(text=SENTENCE, layers=[2], heads=[11], top_k=0, annotate=False)
    context = Context("docs", lambda uri: pytest.fail(uri), ServerOptions(), "utf-32")
    engine = Engine(tmp_path)
    try:
        answer = ask(asked, AttendResult, context, engine, Task())
    finally:
        engine.close()
    token = token_at(answer, SENTENCE.index("escape"))
    assert token is not None
    quoted = [f"> {line.rstrip()}" for line in tell(answer, token).replace("\\", "").splitlines()]
    assert "\n".join(quoted) in PAGE.read_text(encoding="utf-8")
