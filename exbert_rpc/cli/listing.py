"""``exbert-rpc corpora`` and ``exbert-rpc models``."""

from __future__ import annotations

import sys
from argparse import Namespace
from difflib import get_close_matches

from exbert_rpc.cli.arguments import UsageError
from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.show_corpora import show_corpora, show_corpus, show_model, show_models
from exbert_rpc.cli.work import engine_of, run


def corpora(options: Namespace) -> int:
    """List, describe or remove corpora."""
    from exbert_rpc.server import protocol, wire
    from exbert_rpc.server.jsonrpc import encode

    action, name = _asked(options, "list", "describe", "remove")
    screen = Screen.of(sys.stdout)
    with engine_of(options) as engine:
        if action == "list":
            found = [wire.corpus_description(info) for info in engine.list_corpora()]
            if options.json:
                write_json(sys.stdout, encode(protocol.ListCorporaResult(corpora=found)))
            else:
                show_corpora(screen, found)
        elif action == "describe":
            one = wire.corpus_description(run(lambda _: engine.describe_corpus(name), f"checking {name}"))
            if options.json:
                write_json(sys.stdout, encode(one))
            else:
                show_corpus(screen, one)
        else:
            engine.remove_corpus(name)
            if options.json:
                write_json(sys.stdout, encode(protocol.RemoveCorpusResult(corpus=name, removed=True)))
            else:
                screen.line(f"removed {name}")
    return 0


def models(options: Namespace) -> int:
    """List the models at hand, or describe one."""
    from exbert_rpc.server import protocol, wire
    from exbert_rpc.server.jsonrpc import encode

    action, name = _asked(options, "list", "describe")
    screen = Screen.of(sys.stdout)
    with engine_of(options) as engine:
        if action == "list":
            found = [wire.model_listing(model) for model in engine.list_models()]
            if options.json:
                write_json(sys.stdout, encode(protocol.ListModelsResult(models=found)))
            else:
                show_models(screen, found)
            return 0
        one = wire.model_description(run(lambda task: engine.describe_model(name, task), f"loading {name}"))
        if options.json:
            write_json(sys.stdout, encode(one))
        else:
            show_model(screen, one)
    return 0


def _asked(options: Namespace, *actions: str) -> tuple[str, str]:
    """Action and name; a name alone is described."""
    action, name = options.action, options.name
    if action is None:
        return "list", ""
    if action not in actions:
        if name is None:
            return "describe", action
        close = get_close_matches(action, actions, n=1)
        meant = f"{name} {action}" if name in actions else f"{close[0] if close else 'describe'} {name}"
        raise UsageError(
            f"{options.command} can {', '.join(actions)}, not {action!r}",
            hint=f"did you mean {options.command} {meant}?",
        )
    if action == "list" and name is not None:
        raise UsageError(f"{name!r} is one too many", hint=f"{options.command} describe {name}")
    if action != "list" and name is None:
        raise UsageError(f"{options.command} {action} needs a name", hint=f"see {options.command} list")
    return action, name or ""
