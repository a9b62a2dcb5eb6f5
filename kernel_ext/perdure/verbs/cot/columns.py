"""The columns of answers that a session has: which of a frame's columns may be filled again, and which are the user's data."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from perdure.cot.questions import context
from perdure.errors import StoreError, UsageError
from perdure.verbs.cot.request import CotRequest


def check_column(request: CotRequest, frame: str, data: Any, out: str) -> None:
    """Do nothing if answers may be put there.

    :raises UsageError: if that would replace what is no answers of this session's.
    """
    taken = [name for name in (out, f"{out}_error") if name in data.columns]
    if taken and request.cache.setting(_key(frame, out)) is None:
        raise UsageError(
            f"The column {taken[0]!r} of {frame} is there already, and no %cot map of this session has put it there. "
            "Name another one with -o, or add --replace to lose what it has."
        )


def note_column(request: CotRequest, frame: str, out: str) -> None:
    """Remember that answers were put there, also for the kernel in which the session is restored."""
    with suppress(StoreError):  # answers that can't be kept are given all the same
        request.cache.set_setting(_key(frame, out), b"")


def _key(frame: str, out: str) -> str:
    asking = context.current()
    return json.dumps(["column", asking.session if asking is not None else "", frame, out])
