"""Records the answers in ``test/fixtures/``: ``python clients/view/dev/record.py`` from the repository's root.

MiniLM reads one sentence and searches the topics that come with every Python; SmolLM2 reads ordinary prose, and what
each of its heads does is counted. Several minutes on two cores.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import msgspec

from benchmarks.texts import paragraphs
from exbert_rpc.client import Client

FIXTURES = Path(__file__).parent.parent / "test" / "fixtures"
SENTENCE, WORD, LAYER, HEAD = "The girl ran to a local pub to escape the din of her city.", "escape", 2, 11
PAIR = ("The company increased production.", "The company decreased production.")
PROSE_CHARACTERS = 120_000
DIGITS = 4
KEPT, LEAST_MASS = 3, 0.005  # of a profile of many heads


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorders = {"mini": record_mini, "pair": record_pair, "mask": record_mask, "smollm": record_smollm}
        for name in sys.argv[1:] or recorders:
            recorders[name](Path(folder) / name)


def record_mini(store: Path) -> None:
    arguments = ["--pipeline", "en_core_web_sm"]
    with Client.spawn(arguments, store=store, model="all-MiniLM-L6-v2") as exbert:
        sources = [{"uri": f"file:///demo/{name}.txt", "text": text} for name, text in topics.items()]
        exbert.index_corpus("pydoc", sources)
        answer = exbert.attend(text=SENTENCE, tensors="uint8")
        write("attend", answer)
        token = next(one.index for one in answer.tokens if one.text == WORD)
        found = exbert.search_contexts(
            "pydoc", capture_id=answer.capture_id, token=token, layer=LAYER, heads=[HEAD], k=50, distinct=True
        )
        write("search", found)
        write("summarize", exbert.summarize(search_id=found.search_id), digits=6)
        write("models", exbert.list_models())
        write("corpora", exbert.list_corpora())


def record_pair(store: Path) -> None:
    with Client.spawn(store=store, model="all-MiniLM-L6-v2") as exbert:
        write("effects", exbert.ablate_heads(heads="each", text=PAIR[0], against=PAIR[1], top_k=0))
        write("parts", exbert.decompose(text=PAIR[0], against=PAIR[1]))
        first, second = (exbert.attend(text=text, tensors="uint8", annotate=False) for text in PAIR)
        write("pair", {"first": plain(first), "second": plain(second)})


def record_mask(store: Path) -> None:
    with Client.spawn(["--pipeline", "en_core_web_sm"], store=store, model="all-MiniLM-L6-v2") as exbert:
        plainly = exbert.attend(text=SENTENCE, layers=[0], top_k=0)
        token = next(one.index for one in plainly.tokens if one.text == WORD)
        masked = exbert.attend(text=SENTENCE, mask=[token], tensors="uint8")
        write("masked", masked)
        write("comparison", exbert.compare_captures(capture_ids=[plainly.capture_id, masked.capture_id]))


def record_smollm(store: Path) -> None:
    with Client.spawn(["--pipeline", "en_core_web_sm"], store=store, model="SmolLM2-135M") as exbert:
        texts = paragraphs(PROSE_CHARACTERS, each=40)
        sources = [{"uri": f"file:///prose/{i:02}.txt", "text": text} for i, text in enumerate(texts)]
        exbert.index_corpus("prose", sources)
        write("smollm-heads", shortened(plain(exbert.profile_heads("prose"))), digits=3)


def shortened(profile: dict[str, Any]) -> dict[str, Any]:
    """What each head does most; the rest of its roles, relations, words and distances is left out."""
    for head in profile["heads"]:
        head["roles"] = sorted(head["roles"], key=lambda one: one["expected"] - one["mass"])[:KEPT]
        head["relations"] = sorted(head["relations"], key=lambda one: one["baseline"] - one["accuracy"])[:KEPT]
        head["vocabulary"] = head["vocabulary"][: 2 * KEPT]
        head["offsets"] = [one for one in head["offsets"] if one["mass"] >= LEAST_MASS]
    return profile


def plain(answer: object) -> Any:  # noqa: ANN401 (JSON)
    return msgspec.json.decode(msgspec.json.encode(answer))


def rounded(value: Any, digits: int) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, list):
        return [rounded(one, digits) for one in value]
    return {key: rounded(one, digits) for key, one in value.items()} if isinstance(value, dict) else value


def write(name: str, answer: object, digits: int = DIGITS) -> None:
    text = json.dumps(rounded(plain(answer), digits), ensure_ascii=False, separators=(",", ":"))
    (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
