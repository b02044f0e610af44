"""Files of all formats that hold given sentences, and what a stretch of such a file stands for."""

import csv
import io
import json
import random
import re

ALPHABET = ("She", "read", "“a letter”", "über", "日本", "😀", 'said "no"', "a\\b", "x,y", "p;q", "&", "<b", "e\u0301")


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 7)))


def as_jsonl(lines, ascii_only):
    return "".join(json.dumps({"id": n, "text": one}, ensure_ascii=ascii_only) + "\n" for n, one in enumerate(lines))


def as_csv(lines, delimiter=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "text", "more"])
    writer.writerows([n, one, "z"] for n, one in enumerate(lines))
    return out.getvalue()


def as_html(lines):
    escaped = [one.replace("&", "&amp;").replace("<", "&lt;").replace("ü", "&uuml;") for one in lines]
    return (
        "<html><head><title>T</title></head><body>\n" + "\n".join(f"<p>{one}</p>" for one in escaped) + "</body></html>"
    )


def as_conllu(lines):
    def rows(text):
        words = text.split()
        return "".join(f"{n}\t{w}\t_\tNOUN\tNN\t_\t{n - 1}\tdep\t_\t_\n" for n, w in enumerate(words, 1))

    return "".join(f"# sent_id = s{n}\n# text = {one}\n{rows(one)}\n" for n, one in enumerate(lines))


def as_markdown(lines):
    return "---\ntitle: A\n---\n" + "\n\n".join(f"![i](data:image/png;base64,AAAA/b+=) {one}" for one in lines)


def as_python(lines):
    return "\n".join(f'def f{n}():\n    """{one} end"""\n    return {n}  # {one}\n' for n, one in enumerate(lines))


def as_tex(lines):
    special = {"\\": "/", "&": "\\&", "ü": '\\"u', "“": "``", "”": "''", '"': "'", "<b": "b"}

    def written(one):
        return "".join(special.get(part, part) for part in re.split(r'([\\&ü“”"]|<b)', one))

    body = "\n\n".join(f"\\emph{{{written(one)}}} % no" for one in lines)
    return f"\\documentclass{{a}}\n\\title{{T}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"


JSON_WORDS = {"jsonl", "ascii.jsonl", "json"}
WRITERS = {
    "a.jsonl": lambda lines: as_jsonl(lines, False),
    "ascii.jsonl": lambda lines: as_jsonl(lines, True),
    "a.json": lambda lines: json.dumps([{"text": one} for one in lines], indent=1, ensure_ascii=False),
    "one-line.json": lambda lines: json.dumps([{"text": one} for one in lines]),
    "a.csv": as_csv,
    "b.csv": lambda lines: as_csv(lines, ";"),
    "a.html": as_html,
    "a.conllu": as_conllu,
    "a.md": as_markdown,
    "a.txt": lambda lines: "\n\n".join(lines),
    "a.tex": as_tex,
    "a.py": lambda lines: as_python([one.replace('"', "'").replace("\\", "/") for one in lines]),
}


def unescaped(name: str, found: str) -> str:
    """What a stretch of a file stands for, read by another library than ours."""
    if "json" in name:
        return json.loads(f'"{found}"')
    if name.endswith("csv"):
        return found.replace('""', '"')
    if name.endswith("tex"):
        from pylatexenc.latex2text import LatexNodes2Text

        return LatexNodes2Text().latex_to_text(found)
    if name.endswith("html"):
        import html

        return html.unescape(found)
    return found
