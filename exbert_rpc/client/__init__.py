"""A typed scripting client.

    from exbert_rpc.client import Client, to_array

    with Client.spawn() as exbert:
        answer = exbert.attend(text="The girl ran to a local pub.")
        weights = to_array(answer.attention)  # [layer, head, query, key]

Offsets that it returns are Python indices (it negotiates UTF-32). Errors of the server are raised as the classes of
:mod:`exbert_rpc.errors`.
"""

from exbert_rpc.client.aio import AsyncClient
from exbert_rpc.client.connection import Pending, ProgressReport, ServerGone
from exbert_rpc.client.messages import ServerFailed
from exbert_rpc.client.sync import Client
from exbert_rpc.protocol.arrays import to_array

__all__ = ["AsyncClient", "Client", "Pending", "ProgressReport", "ServerFailed", "ServerGone", "to_array"]
