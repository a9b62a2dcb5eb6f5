"""How two values differ, said to a person (``summary``, ``as_text``) and to a program (``details``, ``to_json``)."""

from __future__ import annotations

from perdure.timeline.difference.comparison import difference
from perdure.timeline.difference.report import Change, Difference

__all__ = ["Change", "Difference", "difference"]
