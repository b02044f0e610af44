"""From an argument list to an exit code: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import cast

from exbert_rpc.cli.arguments import make_parser
from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.errors import Cancelled, ExbertError, InvalidParams

logger = logging.getLogger(__name__)

INTERRUPTED = 130
_COMMANDS = {
    "serve": "serving",
    "index": "indexing",
    "formats": "listing",
    "attend": "commands",
    "search": "commands",
    "summarize": "commands",
    "relations": "relations",
    "ablate": "effects",
    "decompose": "effects",
    "compare": "effects",
    "heads": "heads",
    "report": "reporting",
    "view": "viewing",
    "corpora": "listing",
    "models": "listing",
    "call": "calling",
    "mcp": "agents",
    "setup": "setup",
    "demo": "demo",
    "doctor": "doctor",
    "schema": "schema",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every failure is one line on standard error with the fix, never a traceback."""
    _log_if_asked()
    # torch's idle threads sleep instead of spinning: beside other work a pass is up to twice as fast
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(make_parser(arguments).parse_args(arguments))
    except SystemExit as ending:  # --help and --version
        return ending.code if isinstance(ending.code, int) else 0
    except Cancelled:
        return _fail(arguments, Cancelled("interrupted; nothing that was stored before has changed"), INTERRUPTED)
    except KeyboardInterrupt:
        return _fail(arguments, Cancelled("interrupted"), INTERRUPTED)
    except ExbertError as error:
        return _fail(arguments, error, 2 if isinstance(error, InvalidParams | UsageError) else 1)
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:
        logger.debug("the command failed", exc_info=True)
        return _fail(arguments, _fault(error), 1)


def _run(options: Namespace) -> int:
    module = importlib.import_module(f"exbert_rpc.cli.{_COMMANDS[options.command]}")
    run = cast(Callable[[Namespace], int], getattr(module, options.command))
    return run(options)


def _fail(arguments: Sequence[str], error: ExbertError, code: int) -> int:
    try:
        if "--json" in arguments:
            from exbert_rpc.protocol.error_codes import failure_of

            write_json(sys.stdout, b'{"error":' + failure_of(error, list(arguments)).to_json() + b"}")
        Screen.of(sys.stderr).line(f"exbert-rpc: {one_line(error)}")
    except BrokenPipeError:
        return _reader_left()
    return code


def one_line(error: ExbertError) -> str:
    """The message and the fix in one line."""
    message = " ".join(error.message.split())
    hint = " ".join(error.hint.split()).rstrip(".")
    return f"{message} ({hint})" if hint else message


def _fault(error: Exception) -> ExbertError:
    if isinstance(error, OSError) and error.strerror is not None:
        named = f"{error.filename}: " if error.filename is not None else ""
        return ExbertError(f"{named}{error.strerror}", hint="check the path and its permissions")
    said = " ".join(str(error).split())[:200]
    return ExbertError(
        f"a fault of exbert-rpc: {type(error).__name__}: {said}",
        hint="run it again with EXBERT_RPC_LOG=debug and report what it writes",
    )


def _reader_left() -> int:
    """The other end of the pipe was closed (``| head``): say nothing, and have the interpreter not try either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _log_if_asked() -> None:
    level = os.environ.get("EXBERT_RPC_LOG", "").upper()
    if level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s")
