"""The command line's parser, and the arguments that several commands take."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from typing import NoReturn

from exbert_rpc.cli.values import count, numbers
from exbert_rpc.errors import ExbertError


class UsageError(ExbertError):
    """The arguments cannot be understood."""

    kind = "usage"


class Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit with."""

    def error(self, message: str) -> NoReturn:
        """Raise :class:`UsageError`, with what was probably meant."""
        meant = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        close = get_close_matches(meant.group(1), re.findall(r"'(.*?)'", meant.group(2)), n=1) if meant else []
        if close:
            raise UsageError(message.partition(" (choose")[0], hint=f"did you mean {close[0]}?")
        raise UsageError(message, hint=f"see {self.prog} --help")


def meaning(command: str, field: str) -> str:
    """What a field of the protocol means, as help: no full stop, lower case."""
    from exbert_rpc.protocol.fields import field_docs
    from exbert_rpc.protocol.types import signatures

    said = field_docs(signatures()[command].params)[field].rstrip(".")
    return (said[:1].lower() + said[1:]).replace("%", "%%")


def add_engine(parser: Parser, *, reads_text: bool = True) -> None:
    """Where corpora lie and, for commands that read texts, what runs and how."""
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--store", metavar="DIR", help="folder of the corpora (default: $EXBERT_RPC_STORE, else the user's cache)"
    )
    group.add_argument(
        "--from", metavar="URL", dest="origin", help="read corpora from there (s3://…); DIR has copies of what is used"
    )
    if not reads_text:
        return
    group.add_argument("--model", metavar="ID", help="Hub id, folder, .gguf file, or a name of `exbert-rpc models`")
    group.add_argument("--pipeline", metavar="NAME", help="spaCy pipeline, such as en_core_web_sm or blank:de")
    group.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, mps, spread: all (default: auto)"
    )
    group.add_argument(
        "--dtype",
        default="float32",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="what weights are kept in: auto for the checkpoint's own, half the memory in 16 bits (default: float32)",
    )
    group.add_argument("--allow-network", action="store_true", help="a Hub id may be downloaded")


def add_searchers(parser: Parser) -> None:
    """Who searches, for commands that do."""
    group = parser.add_argument_group("who searches the corpora")
    group.add_argument("--engine", choices=("local", "ray"), default="local", help="this process, or actors of Ray")
    group.add_argument("--address", metavar="ADDRESS", help="of a running Ray cluster (default: one on this machine)")
    group.add_argument("--workers", type=count, metavar="N", help="actors of Ray (default: one on each machine)")
    group.add_argument(
        "--replicas", type=count, default=1, metavar="N", help="actors that hold each segment (default: 1)"
    )


def add_json(parser: Parser) -> None:
    """For answers that programs read, too."""
    parser.add_argument("--json", action="store_true", help="the protocol's JSON object instead of a table")


def add_table(parser: Parser) -> None:
    """For answers that are tables of plain values, too."""
    add_json(parser)
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), help="rows of plain values instead of a table")
    parser.add_argument("--output", metavar="FILE", help="where rows are written (default: standard output)")


def add_text(parser: Parser, *, is_required: bool = True) -> None:
    """The text that a command reads."""
    parser.add_argument(
        "text", metavar="TEXT", nargs=None if is_required else "?", help="the text; - reads standard input"
    )
    parser.add_argument("--pair", metavar="TEXT", help=meaning("attend", "text_pair"))
    parser.add_argument("--mask", type=numbers, metavar="TOKENS", help=meaning("attend", "mask") + ": 3,7")
