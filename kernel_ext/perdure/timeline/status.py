"""How a session stands: what ``status`` tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perdure.store import Owner, is_alive
from perdure.timeline.commit import Commit, is_echo
from perdure.timeline.history import History
from perdure.timeline.session import Session


@dataclass(frozen=True, slots=True)
class Status:
    """Where a session is, whether all of it is on disk, what that cost, and what could not be captured."""

    session: str
    notebook: str | None
    trusted: bool
    #: Whether this is the kernel's own session.
    live: bool
    #: The process that has it open, if one does.
    owner: Owner | None
    commits: int
    head: str | None
    branch: str | None
    #: How many commits of the branch are ahead of HEAD; ``None`` if HEAD is not on the branch's line.
    behind: int | None
    #: Whether everything that ran is on disk, and why not.
    durable: bool
    trouble: str | None
    store: str
    #: Bytes of the whole store, which other sessions may share.
    store_size: int
    last: Commit | None
    #: Seconds of kernel time that the last commit took; known in its kernel only.
    last_cost: float | None
    #: The names of HEAD's version that have no value in it, and why.
    not_captured: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, history: History) -> Status:
        live = isinstance(history, Session)
        refs = history.refs  # of a live session: once all that ran is durable, or has failed to be
        info = history.info
        last = history.log(1)
        return cls(
            session=history.id,
            notebook=info.notebook,
            trusted=info.trusted,
            live=live,
            owner=info.owner if info.owner is not None and is_alive(info.owner) else None,
            commits=info.commits,
            head=refs.head,
            branch=refs.branch,
            behind=_behind(history),
            durable=history.durable if isinstance(history, Session) else True,
            trouble=history.trouble if isinstance(history, Session) else None,
            store=str(history.store.path),
            store_size=history.store.size(),
            last=last[0] if last else None,
            last_cost=history.last_cost if isinstance(history, Session) else None,
            not_captured=_not_captured(history),
        )

    def to_json(self) -> dict[str, Any]:
        """The same keys, as JSON-able values."""
        owner = self.owner
        return {name: getattr(self, name) for name in self.__slots__} | {
            "owner": {"host": owner.host, "pid": owner.pid} if owner is not None else None,
            "last": self.last.to_json() if self.last is not None else None,
        }


def _behind(history: History) -> int | None:
    refs = history.refs
    tip = refs.branches.get(refs.branch) if refs.branch is not None else None
    if tip is None or tip == refs.head:
        return 0
    line = [commit for commit, _ in history.store.ancestry(tip)]
    if refs.head is None:
        return len(line)
    return line.index(refs.head) if refs.head in line else None


def _not_captured(history: History) -> dict[str, str]:
    if isinstance(history, Session):
        return history.not_captured
    missing = history.manifest(history.refs.head).missing
    return {name: reason for name, (reason, _) in sorted(missing.items()) if not is_echo(name)}
