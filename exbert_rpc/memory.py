"""Memory that was freed, given back to the system.

The C library keeps what it frees for later, in pieces that later requests may not fit into: over ten segments of a
build 70 MiB of such pieces had come together.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return free memory of this process to the system, where the C library can (glibc); takes milliseconds."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
