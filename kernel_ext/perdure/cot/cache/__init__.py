"""What is kept: answers, pictures, the ledger, audits and prices, in one SQLite file that is the truth."""

from __future__ import annotations

from .audits import Audit
from .cache import Cache, default_folder
from .calls import Call
from .claims import Claim
from .corrections import Forgotten, Marked
from .entry import Entry, Kind, Standing, Vector
from .eviction import Evicted
from .feed import Changes
from .ledger import Ask
from .part import KeepImages, Policy, new_id
from .spending import Reservation
from .statistics import Stats
from .transfer import Exported, Imported

__all__ = [
    "Ask",
    "Audit",
    "Cache",
    "Call",
    "Changes",
    "Claim",
    "Entry",
    "Evicted",
    "Exported",
    "Forgotten",
    "Imported",
    "KeepImages",
    "Kind",
    "Marked",
    "Policy",
    "Reservation",
    "Standing",
    "Stats",
    "Vector",
    "default_folder",
    "new_id",
]
