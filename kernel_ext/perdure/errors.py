"""Every error that perdure raises, grouped by what a handler would do about it.

A message says in one sentence what is wrong and in a second one what to do. Faces (the magics, the shell) print it as it is;
nothing here ever reaches the user's own cell as an exception.
"""

from __future__ import annotations


class PerdureError(Exception):
    """Base of the tree. ``str(error)`` is what a person reads: what is wrong, then what to do."""


# -- the caller asked for something that isn't there: ask again ------------------------------------------------------


class UsageError(PerdureError):
    """The request can't be carried out as it was made; nothing has changed."""


class UnknownRef(UsageError):
    """No commit, branch, tag or cell of the session answers to the reference."""


class AmbiguousRef(UsageError):
    """Several commits begin with the given prefix."""


class UnknownName(UsageError):
    """The version has no variable of that name."""


class InvalidName(UsageError):
    """A variable, branch or tag can't be called that."""


class UnknownSession(UsageError):
    """The store has no such session."""


class UnknownAnswer(UsageError):
    """The cache has no such answer."""


class NotAttached(UsageError):
    """The call needs a session in this kernel and there is none."""


# -- the value isn't to be had: go on without it -------------------------------------------------------------------


class NotCaptured(PerdureError):
    """A value could not be turned into bytes, so that version has none to give back."""


class NotRestorable(PerdureError):
    """The bytes are whole, but this Python can't make the object of them (a package is missing, a class has moved)."""


class Untrusted(PerdureError):
    """The bytes come from somewhere else; unpickling them runs code, so the user has to say that they are trusted."""


# -- somebody else is at it: try again later -----------------------------------------------------------------------


class Busy(PerdureError):
    """Something else holds what is needed; the same call may succeed later."""


class SessionBusy(Busy):
    """The session is open in another live kernel."""


class StoreBusy(Busy):
    """Another process has held the store's catalog locked for too long."""


# -- the place is not fit for it: use another one, or mend it ------------------------------------------------------


class StoreError(PerdureError):
    """The store can't be used as it is."""


class StoreMissing(StoreError):
    """There is no store where one was named."""


class StoreTooNew(StoreError):
    """The store was written by a newer perdure."""


class StoreReadOnly(StoreError):
    """The store can be read but not written."""


class StoreFull(StoreError):
    """The disk (or quota) that holds the store is full; nothing that was acknowledged is lost."""


class StoreUnreachable(StoreError):
    """Reading or writing the store's files failed for a reason of the operating system's."""


# -- bytes are wrong: restore the rest -----------------------------------------------------------------------------


class Damaged(PerdureError):
    """Bytes are not what was written. Everything that is not named is whole."""


class DamagedPack(Damaged):
    """A record of a pack is torn or changed."""


class DamagedCatalog(Damaged):
    """The catalog is unreadable or contradicts itself; it can be rebuilt from the packs."""


class DamagedBundle(Damaged):
    """An exported file is torn or changed."""


# -- there is no answer to the question: ask again, ask otherwise, or spend more -----------------------------------------


class NoAnswer(PerdureError):
    """An image question got no answer. What was paid for until then is in the ledger, and kept answers stay."""


class UnreadablePicture(NoAnswer):
    """What was given as a picture is none, is damaged, or is too large to be decoded safely."""


class ModelUnavailable(NoAnswer):
    """The model is down, too slow, or has had too many requests; the same question may be answered later."""


class ModelRefused(NoAnswer):
    """The model will not answer: the key is missing or wrong, there is no such model, or it can't take the request."""


class UnusableReply(NoAnswer):
    """The model said nothing, or nothing that has the form asked for."""


class BudgetSpent(NoAnswer):
    """The question could cost more than what is left of the budget."""


class MissingExtra(UsageError):
    """The call needs packages that come with ``pip install 'perdure[cot]'``."""
