"""A cache that can't be written to: said once, while answers go on being given."""

from __future__ import annotations

import warnings
from types import TracebackType

from perdure.errors import StoreBusy, StoreError


class Trouble:
    """Wraps what is written to the cache: ``with trouble: ...``. What was paid for is handed over, kept or not."""

    def __init__(self) -> None:
        self.error: StoreError | StoreBusy | None = None
        """Why the last answers weren't kept; None while all is well."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, StoreError | StoreBusy):
            return False
        if self.error is None or type(self.error) is not type(error):
            warnings.warn(f"Answers are given but not kept at the moment. {error}", RuntimeWarning, stacklevel=2)
        self.error = error
        return True
