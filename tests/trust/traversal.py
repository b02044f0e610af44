"""Strings that try to leave a folder, and the names that they would reach."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

SECRET = "The turquoise walrus whispers."


def _climbs() -> list[str]:
    """Ways to write "go up"."""
    ups = ("../", "..\\", "..//", "./../", ".././", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "%252e%252e/", "..;/")
    ups += ("....//", "..\u2215", "\uff0e\uff0e/", "..%c0%af", "..\x00/", "..\n/", " ../", ".. /", "~/../")
    return [up * depth for up in ups for depth in (1, 2, 5)]


def names_that_climb(secret: Path) -> list[str]:
    """At least 150 names for corpora, models and pipelines that would lead to ``secret`` or elsewhere."""
    targets = ("outside", f"outside/{secret.name}", "etc/passwd", secret.as_posix().lstrip("/"))
    found = [climb + target for climb in _climbs() for target in targets]
    found += [
        "",
        " ",
        ".",
        "..",
        "/",
        "//",
        "\\",
        "~",
        "~root",
        "~nobody/x",
        "/etc",
        "/proc/self/environ",
        "C:\\",
        "nul\0",
    ]
    found += [str(secret), str(secret.parent), str(secret.parent) + "/", f"//{secret}", f"\\\\host\\share{secret}"]
    found += [secret.as_uri(), f"file:{secret}", f"package:../{secret}", f"package:exbert_rpc/../../{secret}", "a/b"]
    found += [f"package:{secret}", "package:", "package:/", "package:os", "x" * 300, "corpus\n", "-rf", ".hidden"]
    return found


def sources_that_climb(inside: Path, secret: Path) -> list[str]:
    """At least 300 paths, globs and uris that lead out of ``inside``, most of them to ``secret``."""
    there = secret.as_posix()
    found = [f"{inside}/{climb}{target}" for climb in _climbs() for target in ("outside", f"outside/{secret.name}")]
    found += [f"file://{quote(str(inside))}/{quote(climb)}outside/{secret.name}" for climb in _climbs()]
    found += [f"file://{inside}/{climb}outside/{secret.name}" for climb in _climbs()]
    found += [climb + there.lstrip("/") for climb in _climbs()]
    found += [there, str(secret.parent), f"{secret.parent}/*", f"{secret.parent}/**", f"{secret.parent.parent}/*/*.txt"]
    found += [f"{inside}/link.txt", f"{inside}/out", f"{inside}/out/*", f"{inside}/out/{secret.name}", f"{inside}/o*/*"]
    found += [
        f"{inside}/*/../../outside/*",
        f"{inside}/**/../../outside/{secret.name}",
        "/",
        "/*",
        "/**/*.txt",
        "/etc/*",
    ]
    found += [secret.as_uri(), f"file:{there}", f"file://localhost{there}", f"FILE://{there}", f"file:////{there}"]
    found += [
        f"file://host{there}",
        f"file:///./{there}",
        secret.as_uri() + "#x",
        secret.as_uri() + "?x",
        f"file://{there}%00",
    ]
    found += [f"{scheme}://x{there}" for scheme in ("http", "https", "ftp", "vscode-remote", "smb", "data", "jar:file")]
    found += ["/etc/passwd", "/proc/self/environ", "/proc/self/cwd", "/dev/stdin", "/dev/zero", "~", "~root", "~/.ssh"]
    found += ["~nobody/x", "/proc/self/root" + there, "/proc/self/fd/0", "\\\\host\\share", "C:\\Windows", "//" + there]
    return found
