"""The cache: kept answers and their pictures, the ledger of what was asked and paid, audits, and what they have taught."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from perdure.errors import UsageError

from .audits import Audits
from .browsing import Browsing
from .calls import Calls
from .claims import Claims
from .corrections import Corrections
from .database import Database
from .feed import Feed
from .part import KeepImages, Policy
from .settings import Settings
from .spending import Spending
from .statistics import Statistics
from .transfer import Transfer

VARIABLE: Final = "PERDURE_COT"
"""Names the folder, in the environment."""


class Cache(Corrections, Browsing, Calls, Claims, Spending, Audits, Settings, Feed, Statistics, Transfer):
    """A folder with one SQLite file, which is the truth: the index of Chroma can be made anew from it.

    Safe to be used from many threads and processes at once, any of which may be killed. Open it with `open`; it is a
    context manager.
    """

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        keep_images: KeepImages | str = KeepImages.FULL,
        limit_bytes: int | None = None,
        expire_days: float | None = None,
        read_only: bool = False,
    ) -> Self:
        """The cache in a folder, made if need be; by default in `default_folder`.

        ``keep_images``: ``full``, ``thumbnail`` or ``none``. ``limit_bytes`` is for entries and pictures: see `evict`.
        ``expire_days`` is for answers that are added from now on.

        :raises StoreError: if the place is not fit for it: `StoreReadOnly`, `StoreFull`, `StoreTooNew`, and so on.
        :raises DamagedCatalog: if the file is no cache, or damaged.
        :raises UsageError: if an option is none.
        """
        try:
            keep = KeepImages(keep_images)
        except ValueError:
            raise UsageError(f"Images can't be kept as {keep_images!r}. Use one of {', '.join(KeepImages)}.") from None
        if limit_bytes is not None and limit_bytes <= 0:
            raise UsageError(f"A cache can't be limited to {limit_bytes} bytes. Give more, or None for no limit.")
        if expire_days is not None and not expire_days > 0:
            raise UsageError(f"Answers can't expire after {expire_days} days. Give more, or None for never.")
        place = default_folder() if folder is None or not str(folder) else Path(folder).expanduser()
        database = Database(place.absolute(), read_only=read_only)
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise
        return cls(place.absolute(), database, Policy(keep, limit_bytes, expire_days))

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes of the block, by this thread, in one transaction: many at once are quicker so.

        Others wait for it, so do nothing slow in it, and no model call: what that cost has to be durable at once.
        """
        with self._database.transaction():
            yield

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def default_folder() -> Path:
    """What ``PERDURE_COT`` names, else ``perdure/cot`` in Jupyter's data folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "perdure" / "cot"
