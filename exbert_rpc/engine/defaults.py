"""What is meant where nothing is named; light, so that it can be read before an engine exists."""

from __future__ import annotations

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_PIPELINE = "en_core_web_sm"
