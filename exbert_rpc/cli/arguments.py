"""What can be typed after ``exbert-rpc``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from exbert_rpc import __version__
from exbert_rpc.cli.parser import Parser, add_engine, add_json, add_searchers, add_table, add_text, meaning
from exbert_rpc.cli.values import controls, count, heads, key_and_value, numbers, section, spaces, words

EPILOG = """\
examples:
  exbert-rpc index notes ~/notes
  exbert-rpc attend "The girl ran to a local pub." --layer 2 --token ran
  exbert-rpc search notes "The girl ran to a local pub." --token ran --layer 2 --heads 11
  exbert-rpc summarize notes "The girl ran to a local pub." --token ran --layer 2 --heads 11
  exbert-rpc heads notes --layer 2 --head 8
  exbert-rpc doctor
"""


def make_parser(arguments: Sequence[str] | None = None) -> Parser:
    """The command line; where arguments are given, only the command that they name has its own spelled out.

    That command's help takes the meaning of fields from the wire types, which cost time to import.
    """
    parser = Parser(
        prog="exbert-rpc",
        description="What a Transformer attends to, where similar contexts stand in a corpus, what they share.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"exbert-rpc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = None if arguments is None else next((one for one in arguments if not one.startswith("-")), "")
    for name, (text, fill) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        if named is None or name == named:
            fill(command)
    return parser


def _serve(parser: Parser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stdio", action="store_true", help="standard input and output (the default)")
    where.add_argument("--tcp", metavar="HOST:PORT", help="listen on a TCP port (0: any)")
    where.add_argument("--ws", "--websocket", metavar="HOST:PORT", dest="ws", help="listen for WebSockets")
    where.add_argument("--unix", metavar="PATH", help="listen on a Unix socket, the user's alone")
    add_engine(parser)
    add_searchers(parser)
    parser.add_argument("--root", action="append", metavar="DIR", help="read no file outside of DIR (may be repeated)")
    sockets = parser.add_argument_group("sockets")
    sockets.add_argument("--token-file", metavar="FILE", help="file with the secret that clients must know")
    sockets.add_argument("--port-file", metavar="FILE", help="write address and, if none was given, a new token here")
    sockets.add_argument("--allow-remote", action="store_true", help="let HOST be reachable from other machines")
    sockets.add_argument(
        "--allow-origin", action="append", metavar="ORIGIN", help="web page that may connect (may be repeated)"
    )
    sockets.add_argument(
        "--allow-host", action="append", metavar="NAME", help="name that clients may call this server by (repeatable)"
    )
    parser.epilog = (
        "The secret of a socket is read from $EXBERT_RPC_TOKEN or --token-file, never from the command line."
    )


def _index(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the corpus")
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="file, folder or glob (see `exbert-rpc formats`)")
    parser.add_argument("--layers", type=numbers, metavar="LIST", help="layers to index: 0,2,4-6 (default: all)")
    parser.add_argument("--spaces", type=spaces, metavar="LIST", help="hiddenState, headOutput or both (default: both)")
    parser.add_argument("--precision", choices=("int8", "int4", "binary"), help=meaning("indexCorpus", "precision"))
    parser.add_argument("--replace", action="store_true", help=meaning("indexCorpus", "replace"))
    parser.add_argument(
        "--graph",
        type=section,
        action="append",
        default=[],
        metavar="LAYER:SPACE",
        help="make a search graph of 4:headOutput or 5:hiddenState (may be repeated; SOURCE may then be left out)",
    )
    _reading(parser)
    where = parser.add_argument_group("where it is computed")
    where.add_argument("--engine", choices=("local", "ray"), default="local", help="this process, or workers of Ray")
    where.add_argument("--workers", type=count, metavar="N", help="workers of Ray (default: as many as have room)")
    where.add_argument("--address", metavar="ADDRESS", help="of a running Ray cluster (default: one on this machine)")
    add_json(parser)
    add_engine(parser)


def _reading(parser: Parser) -> None:
    group = parser.add_argument_group("how files are read (by default: as for the corpus that is there)")
    group.add_argument("--format", metavar="NAME", help="format of all sources, a name of `exbert-rpc formats`")
    group.add_argument("--lines", action="store_true", help="each line of a text is one sentence")
    group.add_argument("--text-field", metavar="FIELD", help="field or column that is the text: text, body.en, 2")
    group.add_argument("--encoding", metavar="NAME", help="of files that are no Unicode: cp1252, shift_jis")
    group.add_argument(
        "--errors", choices=("strict", "replace"), help="leave out files with wrong bytes, or replace those"
    )
    group.add_argument("--leave-out", type=words, metavar="LIST", help="of Markdown: code, frontMatter, html")
    group.add_argument("--comments", action="store_true", help="read comments and docstrings of source code")
    group.add_argument("--outputs", action="store_true", help="read text outputs of notebooks")
    group.add_argument("--annotations", choices=("gold", "automatic", "both"), help="of treebanks (default: gold)")
    group.add_argument("--gitignore", action="store_true", help="leave out what .gitignore names")


def _formats(parser: Parser) -> None:
    add_json(parser)


def _attend(parser: Parser) -> None:
    add_text(parser, is_required=False)
    parser.add_argument(
        "--messages", metavar="FILE", help="chat messages instead of a text: a JSON list; - reads stdin"
    )
    parser.add_argument(
        "--special-tokens",
        choices=("literal", "parse"),
        default="literal",
        help="whether the text of a special token, such as [MASK], is ordinary characters (default) or parsed",
    )
    parser.add_argument("--generate", type=int, metavar="N", help="let the model write up to N tokens behind the text")
    parser.add_argument("--layer", type=numbers, metavar="LIST", help="layers (table: default the last; JSON: all)")
    parser.add_argument("--heads", type=numbers, metavar="LIST", help="heads: 0,3,5-7 (default: all)")
    parser.add_argument("--token", metavar="T", help="show the attention of this token (number or word), head by head")
    parser.add_argument("--weights", choices=("attention", "valueNorm"), default="attention", help="what is shown")
    parser.add_argument("--top", type=int, default=3, metavar="N", help="predictions a token (default: 3)")
    parser.add_argument(
        "--tensors", choices=("list", "float16", "uint8"), default="list", help="form of attention in JSON"
    )
    add_json(parser)
    add_engine(parser)


def _query(parser: Parser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name of `exbert-rpc corpora`")
    add_text(parser)
    parser.add_argument("--token", required=True, metavar="T", help="the token to look for: its number, or a word")
    space = parser.add_mutually_exclusive_group(required=True)
    space.add_argument("--layer", type=int, metavar="N", help="compare head outputs of attention layer N")
    space.add_argument("--hidden-layer", type=int, metavar="N", help="compare hidden states; 0 is the embedding")
    parser.add_argument("--heads", type=numbers, metavar="LIST", help=meaning("searchContexts", "heads") + ": 0,3,5-7")
    parser.add_argument(
        "--weighting", choices=("uniform", "norm"), default="uniform", help=meaning("searchContexts", "weighting")
    )
    parser.add_argument("--exact", action=argparse.BooleanOptionalAction, help=meaning("searchContexts", "exact"))
    _hits(parser)
    add_table(parser)
    add_engine(parser)
    add_searchers(parser)


def _hits(parser: Parser) -> None:
    parser.add_argument(
        "--k", type=int, default=50, metavar="N", help=meaning("searchContexts", "k") + ", 1 to 1000 (default: 50)"
    )
    parser.add_argument("--distinct", action="store_true", help=meaning("searchContexts", "distinct"))
    for name in ("pos", "dep", "entity"):
        parser.add_argument(f"--{name}", type=words, metavar="LIST", help=f"only hits with one of these {name} labels")
    parser.add_argument("--words", type=words, metavar="LIST", help="only hits that are one of these tokens")
    parser.add_argument("--match-case", action="store_true", help="upper and lower case of --words count")
    parser.add_argument(
        "--documents",
        action="append",
        metavar="NAME",
        help="only hits in documents of this name, or glob (may be repeated)",
    )
    parser.add_argument(
        "--where",
        action="append",
        type=key_and_value,
        metavar="KEY=VALUE",
        help="only hits in documents with this metadata (may be repeated): genre=news, folder=drafts",
    )
    parser.add_argument(
        "--rerank",
        action=argparse.BooleanOptionalAction,
        help=meaning("searchContexts", "rerank"),
    )


def _relations(parser: Parser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name of `exbert-rpc corpora`")
    add_text(parser)
    parser.add_argument("--source", required=True, metavar="T", help="the token that attends: its number, or a word")
    parser.add_argument("--target", required=True, metavar="T", help="the token attended to: its number, or a word")
    parser.add_argument("--layer", required=True, type=int, metavar="N", help=meaning("searchRelations", "layer"))
    parser.add_argument("--head", required=True, type=int, metavar="N", help=meaning("searchRelations", "head"))
    parser.add_argument(
        "--min-weight",
        type=float,
        default=0.0,
        metavar="W",
        help=meaning("searchRelations", "min_weight") + ", 0 to 1 (default: 0)",
    )
    _hits(parser)
    add_table(parser)
    add_engine(parser)
    add_searchers(parser)


def _search(parser: Parser) -> None:
    _query(parser)


def _summarize(parser: Parser) -> None:
    _query(parser)
    parser.add_argument(
        "--subject", choices=("auto", "match", "next"), default="auto", help=meaning("summarize", "subject")
    )
    parser.add_argument(
        "--direction", choices=("outgoing", "incoming"), default="outgoing", help=meaning("summarize", "attention")
    )
    parser.add_argument("--include-special", action="store_true", help=meaning("summarize", "include_special"))
    parser.add_argument(
        "--controls", type=controls, metavar="LIST", help=meaning("summarize", "controls").replace("`[]`", "`none`")
    )
    parser.add_argument("--by", type=words, metavar="KEYS", help=meaning("summarize", "metadata"))
    parser.add_argument("--bins", type=int, default=5, metavar="N", help="labels shown of each histogram (default: 5)")


def _ablate(parser: Parser) -> None:
    add_text(parser)
    parser.add_argument("--heads", type=heads, metavar="LIST", help="these together: 5.9,4.1 (default: each alone)")
    _mode(parser)
    parser.add_argument("--corpus", metavar="CORPUS", help="whose sentences means are taken over")
    _prediction(parser)
    add_json(parser)
    add_engine(parser)


def _decompose(parser: Parser) -> None:
    add_text(parser)
    _prediction(parser)
    parser.add_argument("--contrast", metavar="T", help="token whose logit is subtracted (default: the mean is)")
    add_json(parser)
    add_engine(parser)


def _compare(parser: Parser) -> None:
    add_text(parser)
    parser.add_argument("--heads", type=heads, metavar="LIST", help="heads that the second pass is without: 5.9,4.1")
    _mode(parser)
    parser.add_argument("--other", metavar="ID", help="model of the second pass")
    parser.add_argument("--rows", type=count, default=10, metavar="N", help="heads shown (default: 10)")
    add_json(parser)
    add_engine(parser)


def _mode(parser: Parser) -> None:
    parser.add_argument("--mode", choices=("mean", "zero"), default="mean", help="what heads give (default: mean)")


def _prediction(parser: Parser) -> None:
    parser.add_argument("--token", metavar="T", help="position (number or word; default: the last, or the masked one)")
    parser.add_argument("--target", metavar="T", help="predicted token: its text, or #id (default: the likeliest)")
    parser.add_argument("--against", metavar="TEXT", help="the similarity with this text, instead of a prediction")
    parser.add_argument("--rows", type=count, default=10, metavar="N", help="rows shown (default: 10)")


def _heads(parser: Parser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name of `exbert-rpc corpora`")
    parser.add_argument("--layer", type=numbers, metavar="LIST", help=meaning("profileHeads", "layers") + ": 0,2,4-5")
    parser.add_argument("--head", type=numbers, metavar="LIST", help=meaning("profileHeads", "heads") + ": 0,3,5-7")
    parser.add_argument(
        "--min-pairs", type=count, default=50, metavar="N", help=meaning("profileHeads", "min_pairs") + " (default: 50)"
    )
    parser.add_argument(
        "--examples", type=int, default=0, metavar="N", help=meaning("profileHeads", "examples") + " (default: 0)"
    )
    add_table(parser)
    add_engine(parser, reads_text=False)


def _report(parser: Parser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the text; - reads standard input")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page to write")
    parser.add_argument("--corpus", metavar="CORPUS", help="where contexts come from (default: none are shown)")
    parser.add_argument("--token", metavar="T", help="the token whose contexts are shown first (number or word)")
    parser.add_argument("--layer", type=int, metavar="N", help="attention layer (default: the last)")
    parser.add_argument("--heads", type=numbers, metavar="LIST", help="heads: 0,3,5-7 (default: all)")
    parser.add_argument("--k", type=int, default=20, metavar="N", help="contexts of each token (default: 20)")
    add_engine(parser)
    add_searchers(parser)
    parser.set_defaults(pair=None, mask=None, json=False)


def _view(parser: Parser) -> None:
    parser.add_argument("text", metavar="TEXT", nargs="?", help="the text; - reads standard input (default: type it)")
    parser.add_argument("--corpus", metavar="CORPUS", help="where contexts come from (default: one of the model's)")
    parser.add_argument("--token", metavar="T", help="the token whose contexts are shown first (number or word)")
    parser.add_argument("--layer", type=int, metavar="N", help="attention layer that is shown first (default: 0)")
    parser.add_argument("--heads", type=numbers, metavar="LIST", help="heads: 0,3,5-7 (default: all)")
    parser.add_argument("--no-open", action="store_true", help="print the address only")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port on this machine (default: a free one)")
    parser.add_argument(
        "--idle", type=float, default=60.0, metavar="S", help="seconds after the page was closed (default: 60)"
    )
    add_engine(parser)
    add_searchers(parser)
    parser.set_defaults(pair=None, mask=None, json=False)


def _corpora(parser: Parser) -> None:
    _action_and_name(parser, "list, describe or remove", "NAME")
    add_json(parser)
    add_engine(parser, reads_text=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
examples:
  exbert-rpc corpora                 which ones there are
  exbert-rpc corpora notes           describe notes
  exbert-rpc corpora remove notes
  exbert-rpc corpora describe list   describe a corpus with the name of an action
"""


def _models(parser: Parser) -> None:
    _action_and_name(parser, "list or describe", "ID")
    add_json(parser)
    add_engine(parser)


def _action_and_name(parser: Parser, actions: str, name: str) -> None:
    parser.add_argument("action", nargs="?", metavar="ACTION", help=f"{actions}; describe if there is only {name}")
    parser.add_argument("name", nargs="?", metavar=name)


def _mcp(parser: Parser) -> None:
    parser.add_argument(
        "--root", action="append", metavar="DIR", help="read files of DIR only (may be repeated; default: this folder)"
    )
    add_engine(parser)


def _yes(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="install without asking")


def _setup(parser: Parser) -> None:
    _yes(parser)
    parser.add_argument("--all", action="store_true", help="a small autoregressive model, too")
    parser.add_argument(
        "--torch-index", metavar="URL", help="install torch again from this package index: one with builds for CPUs"
    )


def _doctor(parser: Parser) -> None:
    add_json(parser)
    add_engine(parser)


def _schema(parser: Parser) -> None:
    parser.add_argument("--openrpc", action="store_true", help="print the OpenRPC document instead")
    parser.add_argument("--write", metavar="DIR", help="write both into DIR and name those that changed")
    parser.add_argument("--client", metavar="FILE", help="write the methods of the Python client into FILE")


def _call(parser: Parser) -> None:
    parser.add_argument("method", nargs="?", metavar="METHOD", help="a method; without one, the methods are listed")
    parser.add_argument("params", nargs="?", metavar="JSON", help="its parameters as an object; - reads standard input")
    parser.add_argument("--fields", action="store_true", help="say what each parameter means instead of calling")
    add_engine(parser)
    add_searchers(parser)
    parser.set_defaults(json=True)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
examples:
  exbert-rpc call
  exbert-rpc call searchContexts --fields
  exbert-rpc call describeModel '{"model": "all-MiniLM-L6-v2"}'
"""


_COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "serve": ("answer JSON-RPC, on standard input and output unless an address is given", _serve),
    "index": ("make a corpus hold exactly what the sources name; only what changed is computed", _index),
    "formats": ("list the formats of files that can be indexed", _formats),
    "attend": ("show what each token of a text attends to", _attend),
    "search": ("find the contexts of a corpus that are represented most like one token", _search),
    "summarize": ("say what the contexts found have in common, against the corpus' base rates", _summarize),
    "relations": ("find the contexts in which a head draws the same relation between two tokens", _relations),
    "ablate": ("show what changes when heads give their mean output, or nothing", _ablate),
    "decompose": ("show which parts of a model a prediction or a similarity is the sum of", _decompose),
    "compare": ("show how a pass differs from a masked one, one without heads, or another model", _compare),
    "heads": ("say what attention heads do everywhere in a corpus", _heads),
    "report": ("write a web page that shows a text, and the contexts of its tokens, without a server", _report),
    "view": ("open the view in a browser window, with a server of its own on this machine", _view),
    "corpora": ("list, describe or remove corpora", _corpora),
    "models": ("list the available models, or describe one", _models),
    "call": ("call any method of the protocol with JSON, or list the methods", _call),
    "mcp": ("offer the questions as tools of the Model Context Protocol, on standard input and output", _mcp),
    "setup": ("install the demo's model, pipeline and texts, after saying how large they are", _setup),
    "demo": ("index some speeches, and ask five questions about the heads of a model", _yes),
    "doctor": ("check versions, device, model, pipeline and store; say how to mend what is wrong", _doctor),
    "schema": ("print the protocol's JSON Schema, or write all generated files", _schema),
}
