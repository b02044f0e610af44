"""Words of scripts that are written without spaces, where spaCy's own tokenizer needs a library that is missing.

spaCy cuts Japanese with SudachiPy, Thai with PyThaiNLP, Korean with mecab-ko, Vietnamese with Pyvi. Without
them a pipeline without components can still cut such a text where the script changes, which is all that such
a pipeline needs: it has no labels, and its sentences end at punctuation.
"""

from __future__ import annotations

import re

FALLBACK_LANGUAGES = {"ja": "sudachipy", "th": "pythainlp", "ko": "mecab-ko", "vi": "pyvi"}
"""Languages whose blank spaCy pipeline needs a library, and its name."""

_PIECES = re.compile(
    r"\s+"
    r"|[0-9]+(?:[.,:][0-9]+)*"
    r"|[぀-ゟ]+"  # hiragana
    r"|[゠-ヿㇰ-ㇿｦ-ﾟ]+"  # katakana
    r"|[㐀-䶿一-鿿豈-﫿𠀀-𯨟々〆]+"  # Han
    r"|(?:(?![぀-ヿㇰ-ㇿｦ-ﾟ㐀-䶿一-鿿豈-﫿𠀀-𯨟々〆])\w"
    r"[\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u200d'’]*)+"  # other letters with their marks
    r"|.",
    re.DOTALL,
)


def cut_by_script(text: str) -> list[str]:
    """Pieces of a text, white space among them, which join to the text again."""
    return _PIECES.findall(text)
