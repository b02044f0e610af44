"""``exbert-rpc corpora``, ``exbert-rpc models`` and ``exbert-rpc formats``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from difflib import get_close_matches

from exbert_rpc.cli.calls import call, print_json
from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.cli.show_corpora import show_corpora, show_corpus, show_model, show_models
from exbert_rpc.cli.tables import Cell, Column, draw
from exbert_rpc.cli.work import engine_of


def corpora(options: Namespace) -> int:
    """List, describe or remove corpora."""
    from exbert_rpc.protocol.types.base import NoParams
    from exbert_rpc.protocol.types.describe_corpus import CorpusDescription, CorpusParams
    from exbert_rpc.protocol.types.list_corpora import ListCorporaResult
    from exbert_rpc.protocol.types.remove_corpus import RemoveCorpusResult

    action, name = _asked(options, "list", "describe", "remove")
    screen = Screen.of(sys.stdout)
    answer: ListCorporaResult | CorpusDescription | RemoveCorpusResult
    with engine_of(options) as engine:
        if action == "list":
            answer = call(engine, NoParams(), ListCorporaResult, options=options)
        elif action == "describe":
            named = CorpusParams(corpus=name)
            answer = call(engine, named, CorpusDescription, f"checking {name}", options=options)
        else:
            answer = call(engine, CorpusParams(corpus=name), RemoveCorpusResult, f"removing {name}", options=options)
    if options.json:
        print_json(answer)
    elif isinstance(answer, ListCorporaResult):
        show_corpora(screen, answer.corpora)
    elif isinstance(answer, CorpusDescription):
        show_corpus(screen, answer)
    else:
        screen.line(f"removed {name}")
    return 0


def formats(options: Namespace) -> int:
    """List the formats of files that can be indexed."""
    from exbert_rpc.text.formats.format import ReadingOptions
    from exbert_rpc.text.formats.registry import FORMATS, PACKED

    usual = ReadingOptions()
    rows = [(one.name, " ".join(one.suffixes), one.about, one.in_folders(usual)) for one in FORMATS]
    screen = Screen.of(sys.stdout)
    if options.json:
        listed = [
            {"name": name, "suffixes": suffixes.split(), "about": about, "inFolders": in_folders}
            for name, suffixes, about, in_folders in rows
        ]
        write_json(sys.stdout, json.dumps(listed).encode())
        return 0
    columns = [
        Column("format"),
        Column("endings", may_shrink=True),
        Column("in folders"),
        Column("what is read", may_shrink=True),
    ]
    draw(
        screen, columns, [[Cell(name, screen.bold), ends, "yes" if by else "", about] for name, ends, about, by in rows]
    )
    screen.line(f"each of them also in {' and '.join(PACKED)}")
    screen.line("files that are not read in folders have to be named, or asked for by an option of `index`")
    return 0


def models(options: Namespace) -> int:
    """List the models that need no network, or describe one."""
    from exbert_rpc.protocol.types.base import NoParams
    from exbert_rpc.protocol.types.describe_model import ModelDescription, ModelParams
    from exbert_rpc.protocol.types.list_models import ListModelsResult

    action, name = _asked(options, "list", "describe")
    screen = Screen.of(sys.stdout)
    answer: ListModelsResult | ModelDescription
    with engine_of(options) as engine:
        if action == "list":
            answer = call(engine, NoParams(), ListModelsResult, options=options)
        else:
            answer = call(engine, ModelParams(model=name), ModelDescription, f"loading {name}", options=options)
    if options.json:
        print_json(answer)
    elif isinstance(answer, ListModelsResult):
        show_models(screen, answer.models)
    else:
        show_model(screen, answer)
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
