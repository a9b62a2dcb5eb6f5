"""Turns: of several processes that need the same reply, one makes the call, and the others wait for what comes of it.

Threads of one process wait for one another in `perdure.cot.calling.underway`, without the cache.
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Final

from perdure.cot.cache import Claim
from perdure.cot.calling.trouble import Trouble

if TYPE_CHECKING:
    from perdure.cot.cache import Cache

RENEWED: Final = 20.0
"""Seconds after which a claim is renewed; several times before it lapses."""
_SHORTEST: Final = 0.01
_LONGEST: Final = 0.2
"""Seconds between two looks at a claim of somebody else's."""


class Turns:
    """Takes and ends the turns of one `perdure.cot.Cot`. Safe to be used from several threads."""

    def __init__(self, cache: Cache, trouble: Trouble) -> None:
        self._cache, self._trouble = cache, trouble
        self._held: set[Claim] = set()
        self._unfreed: set[Claim] = set()

    def take(self, key: str, prompt: str, given_up: threading.Event) -> Claim | None:
        """Wait until nobody else makes this call. None, at once, if the cache can't be written: then everyone pays for himself.

        :raises CancelledError: if it is given up meanwhile.
        """
        pause = _SHORTEST
        while True:
            looked = False
            with self._trouble:
                claim = self._cache.claim(key, prompt)
                looked = True
                if claim is not None:
                    self._held.add(claim)
                    return claim
            if not looked:
                return None
            if given_up.wait(pause):
                raise CancelledError
            pause = min(pause * 1.5, _LONGEST)

    def renew(self) -> None:
        """Let the others wait on, as calls still last."""
        held = tuple(self._held)
        if held:
            with self._trouble:
                self._cache.renew(held)

    def end(self, claim: Claim | None, *, freed: bool = False) -> None:
        """Let the next one have its turn. A second time does nothing."""
        if claim is None or claim not in self._held:
            return
        self._held.discard(claim)
        if not freed:
            self._unfreed.add(claim)
            self.catch_up()

    def catch_up(self) -> None:
        """Free the claims that could not be freed when their calls were done."""
        unfreed = tuple(self._unfreed)
        if unfreed:
            with self._trouble:
                self._cache.free(unfreed)
                self._unfreed.difference_update(unfreed)
