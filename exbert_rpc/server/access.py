"""Who may talk to a socket server: a token, and for web pages their origin and the name they call us by."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def token_matches(expected: str, given: object) -> bool:
    """Compare in constant time; a value that is not a string does not match."""
    if not isinstance(given, str):
        return False
    digests = (hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest() for word in (expected, given))
    return hmac.compare_digest(*digests)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address that is listened on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_allowed(header: str | None, names: Iterable[str]) -> bool:
    """Whether a Host header names this server: a page that rebinds its own DNS name does not."""
    if header is None:
        return False
    name, separator, port = header.strip().lower().rpartition(":")
    if not separator or header.strip().endswith("]"):
        name, port = header.strip().lower(), ""
    if port and not (port.isascii() and port.isdigit()):
        return False
    return name in _LOOPBACK_NAMES or name in {allowed.lower() for allowed in names}


def origin_allowed(header: str | None, origins: Iterable[str]) -> bool:
    """Whether a page of this origin may connect; programs send no Origin and need only the token."""
    if header is None:
        return True
    return header.strip().lower().rstrip("/") in {origin.lower().rstrip("/") for origin in origins}
