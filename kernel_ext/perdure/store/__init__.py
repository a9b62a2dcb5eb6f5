"""Bytes that last: chunks, snapshots and commits in append-only packs, and the catalog that finds them.

Knows nothing of Python objects, pickles or Jupyter. Start with `Store.open`.
"""

from .digest import chunk_id
from .process import is_alive, this_process
from .records import ChunkId, ChunkList, Commit, Owner, Refs, SessionInfo, Snapshot, Twig
from .store import Store
from .writer import Writer

__all__ = [
    "ChunkId",
    "ChunkList",
    "Commit",
    "Owner",
    "Refs",
    "SessionInfo",
    "Snapshot",
    "Store",
    "Twig",
    "Writer",
    "chunk_id",
    "is_alive",
    "this_process",
]
