"""Runs ``exbert_rpc`` as ``python -m`` would, and ends it when its parent process has died.

Jupyter holds the other end of standard input and never writes: its end, even by SIGKILL, closes the pipe. This file is
run by its path, with the server's interpreter, which need not have this package.
"""

import os
import runpy
import signal
import threading


def _end_with_parent() -> None:
    # os.read and not sys.stdin: a buffered reader's lock would be held when the interpreter ends
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    runpy.run_module("exbert_rpc", run_name="__main__", alter_sys=True)
