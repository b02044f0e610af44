"""One web page to send: a text, its attention, and the contexts of its tokens, without a server.

:func:`record` asks for all that the page holds; :func:`make_page` puts it, and the view that draws it, into one file.
"""

from exbert_rpc.report.bundles import PageMissing
from exbert_rpc.report.page import MAX_BYTES, make_page
from exbert_rpc.report.record import Ask, Recording, ReportRequest, record, request_of_view

__all__ = ["MAX_BYTES", "Ask", "PageMissing", "Recording", "ReportRequest", "make_page", "record", "request_of_view"]
