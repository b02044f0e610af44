"""Files to blocks with positions: the way into a corpus, in one import."""

from exbert_rpc.corpus.blocks import MAX_BLOCK, split_blocks
from exbert_rpc.corpus.files import file_state, path_of, read_document
from exbert_rpc.corpus.positions import LineIndex
from exbert_rpc.corpus.sources import read_sources

__all__ = ["MAX_BLOCK", "LineIndex", "file_state", "path_of", "read_document", "read_sources", "split_blocks"]
