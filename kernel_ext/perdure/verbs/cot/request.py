"""What a verb of image questions works on: the kernel's `Cot` and its variables, or a cache opened for one command."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure.errors import UsageError
from perdure.verbs.words import did_you_mean

if TYPE_CHECKING:
    from perdure.cot.cache import Cache
    from perdure.cot.client import Cot


@dataclass(frozen=True, slots=True)
class Asker:
    """The kernel that a verb is called in: what ``c.Cot`` says, and the user's variables. In a shell there is none."""

    settings: Mapping[str, Any]
    namespace: MutableMapping[str, Any]
    body: str | None = None
    """The lines below ``%%cot``."""


class CotRequest:
    """One verb's access to the cache and the models.

    :param asker: ``None`` in a shell.
    :param cache: folder of the cache, if one was named.
    """

    def __init__(self, asker: Asker | None, cache: str | None) -> None:
        self.asker = asker
        self._named = cache
        self._made: Cot | None = None

    @cached_property
    def cot(self) -> Cot:
        """The kernel's own, unless another cache was named; in a shell one for this command."""
        from perdure.cot.shared import configured, shared

        settings = dict(self.asker.settings) if self.asker is not None else {}
        if self._named is None and self.asker is not None:
            return shared(settings)
        self._made = configured(settings | ({"cache": self._named} if self._named is not None else {}))
        return self._made

    @property
    def cache(self) -> Cache:
        """Where the answers are kept."""
        return self.cot.cache

    @property
    def namespace(self) -> MutableMapping[str, Any]:
        """The user's variables; none in a shell."""
        return self.asker.namespace if self.asker is not None else {}

    def variable(self, name: str, verb: str) -> Any:
        """The user's variable of that name.

        :raises UsageError: in a shell, or if there is none.
        """
        if self.asker is None:
            raise UsageError(f"'{verb}' works on a kernel's variables. In the notebook, type: %cot {verb}")
        if name not in self.namespace:
            raise UsageError(f"There is no variable {name!r}. {self.meant(name)}")
        return self.namespace[name]

    def meant(self, name: str) -> str:
        """What can be done about a name that no variable has."""
        known = (variable for variable in self.namespace if not variable.startswith("_"))
        return did_you_mean(name, known) or "Check the spelling, or run the cell that makes it."

    def close(self) -> None:
        """Let go of what was opened for this command."""
        if self._made is not None:
            self._made.close()
