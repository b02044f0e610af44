"""torch and transformers, imported at once and without looking for garbage among what they make."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_pausing = threading.Lock()


def import_libraries() -> None:
    """Import what every model needs of torch and transformers; does nothing when that has been done.

    They make a million objects, none of which is garbage; looking through them again and again takes time for nothing.
    """
    with _without_collecting():
        import torch  # noqa: F401
        import transformers.modeling_utils
        import transformers.models.auto.modeling_auto
        import transformers.models.auto.tokenization_auto  # noqa: F401


@contextmanager
def _without_collecting() -> Iterator[None]:
    """No collection of garbage inside the block, where there was any."""
    with _pausing:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()
