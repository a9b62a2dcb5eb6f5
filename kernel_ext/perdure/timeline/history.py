"""A session's history: everything that can be read of it, and its refs, without its kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from perdure.errors import (
    AmbiguousRef,
    InvalidName,
    NotCaptured,
    PerdureError,
    UnknownName,
    UnknownRef,
    UsageError,
)
from perdure.store import Refs, SessionInfo, Store
from perdure.timeline import references
from perdure.timeline.branches import check_name, is_name
from perdure.timeline.commit import Commit, changed_names, check_variable, is_echo
from perdure.timeline.manifest import Manifest
from perdure.timeline.version import Version

if TYPE_CHECKING:
    from perdure.timeline.difference import Difference


@dataclass(frozen=True, slots=True)
class NameDifference:
    """How one name differs between two versions: ``kind`` is ``added``, ``deleted``, ``changed`` or ``not captured``."""

    name: str
    kind: str
    difference: Difference | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "difference": self.difference.to_json() if self.difference is not None else None,
            "note": self.note,
        }


class History:
    """The history of one session in a store. :class:`~perdure.timeline.session.Session` is one with a live kernel."""

    def __init__(self, store: Store, session: str) -> None:
        self.store = store
        self.id = store.session(session).id

    # -- where things are --------------------------------------------------------------------------------------

    @property
    def info(self) -> SessionInfo:
        """The session as the store lists it."""
        return self.store.session(self.id)

    @property
    def refs(self) -> Refs:
        """HEAD, branches and tags, as they are in the store."""
        return self.store.refs(self.id)

    @property
    def head(self) -> str | None:
        """The id of the commit that the session is at."""
        return self.refs.head

    @property
    def branches(self) -> dict[str, str]:
        """Branches with the ids of their newest commits."""
        return dict(self.refs.branches)

    @property
    def tags(self) -> dict[str, str]:
        """Tags with the ids of their commits."""
        return dict(self.refs.tags)

    def resolve(self, ref: str) -> str:
        """The id of the commit that ``ref`` names.

        :raises UnknownRef: if there is none.
        :raises AmbiguousRef: if several commits begin with it.
        """
        return self._resolve(self.refs, ref)

    # -- reading -----------------------------------------------------------------------------------------------

    def log(
        self, n: int | None = None, *, var: str | None = None, grep: str | None = None, ref: str = "HEAD"
    ) -> list[Commit]:
        """Commits from ``ref`` back to the first, newest first.

        :param n: at most so many.
        :param var: only those that changed, deleted or failed to capture this name.
        :param grep: only those whose code has this text (a regular expression), in any case.
        """
        if n is not None and n < 0:
            raise UsageError(f"'log' can't show {n} commits. Give a number from 0 up.")
        refs = self.refs
        if ref == "HEAD" and refs.head is None:
            return []
        pattern = _pattern(grep) if grep is not None else None
        filtered = var is not None or pattern is not None
        line = self.store.ancestry(self._resolve(refs, ref), None if filtered or n is None else n)
        found: list[Commit] = []
        for commit_id, record in line:
            if n is not None and len(found) >= n:
                break
            if var is not None and not (
                var in changed_names(record) or var in record.deleted or var in record.not_captured
            ):
                continue
            if pattern is not None and not pattern.search(record.source):
                continue
            found.append(Commit.of(commit_id, record))
        return found

    def commit(self, ref: str) -> Commit:
        """The commit that ``ref`` names."""
        commit_id = self.resolve(ref)
        return Commit.of(commit_id, self.store.commit(commit_id))

    def manifest(self, commit: str | None) -> Manifest:
        """What every name of the version is bound to."""
        return Manifest.of(self.store.ancestry(commit)) if commit is not None else Manifest()

    def at(self, ref: str = "HEAD") -> Version:
        """The variables of a version: ``session.at("HEAD~3")["df"]``. Touches nothing that is live."""
        commit = self.resolve(ref)
        return Version(self.store, self.id, commit, self.manifest(commit))

    def blame(self, name: str) -> Commit:
        """The commit that last changed ``name``.

        :raises UnknownName: if no commit on HEAD's line did.
        """
        found = self.log(1, var=check_variable(name))
        if not found:
            raise UnknownName(f"No commit up to HEAD has a variable {name!r}.")
        return found[0]

    def diff(
        self, before: str | None = None, after: str | None = None, *, var: str | None = None
    ) -> list[NameDifference]:
        """How the variables of two versions differ.

        Without ``after``, ``before`` is compared with HEAD; without both, HEAD with the version before it.
        """
        after_id = self.resolve(after or "HEAD")
        if before is not None:
            before_id: str | None = self.resolve(before)
        else:
            before_id = self.store.commit(after_id).parent
        old, new = self.manifest(before_id), self.manifest(after_id)
        names = sorted(name for name in old.names | new.names if not is_echo(name))
        if var is not None:
            check_variable(var)
            if var not in names:
                raise UnknownName(f"Neither version has a variable {var!r}.")
            names = [var]
        old_version = Version(self.store, self.id, before_id, old)
        new_version = Version(self.store, self.id, after_id, new)
        changed = [
            name
            for name in names
            if old.bindings.get(name) != new.bindings.get(name) or old.missing.get(name) != new.missing.get(name)
        ]
        found = [_compare(name, old, new, old_version, new_version) for name in changed]
        return [difference for difference in found if difference is not None]

    # -- refs --------------------------------------------------------------------------------------------------

    def branch(self, name: str | None = None, ref: str = "HEAD") -> dict[str, str]:
        """Start a branch at ``ref``, or only list the branches.

        :raises InvalidName: if a branch can't have that name, or a branch or a tag has it already.
        """
        if name is None:
            return self.branches
        new = check_name(name)

        def add(refs: Refs) -> Refs:
            if new in refs.branches:
                raise InvalidName(f"There is a branch {new!r} already. Choose another name, or 'switch {new}'.")
            if new in refs.tags:
                raise InvalidName(
                    f"There is a tag {new!r} already, at {refs.tags[new][:8]}. "
                    f"Choose another name, or first 'tag --delete {new}'."
                )
            return replace(refs, branches={**refs.branches, new: self._resolve(refs, ref)})

        return self._edit_refs(add).branches

    def tag(self, name: str | None = None, ref: str = "HEAD") -> dict[str, str]:
        """Name the commit ``ref`` for good, or only list the tags.

        :raises InvalidName: if a tag can't have that name, or a tag or a branch has it already.
        """
        if name is None:
            return self.tags
        new = check_name(name)

        def add(refs: Refs) -> Refs:
            if new in refs.tags:
                raise InvalidName(f"There is a tag {new!r} already, at {refs.tags[new][:8]}. Choose another name.")
            if new in refs.branches:
                raise InvalidName(f"There is a branch {new!r} already. Choose another name for the tag.")
            return replace(refs, tags={**refs.tags, new: self._resolve(refs, ref)})

        return self._edit_refs(add).tags

    def tip(self, branch: str) -> str:
        """The newest commit of a branch.

        :raises UnknownRef: if there is no such branch, with what can be done about the name.
        """
        return self._tip(self.refs, branch)

    def delete_branch(self, name: str) -> None:
        """Forget a branch. What only it reached is dropped by ``gc``, after the retention.

        :raises UnknownRef: if there is no such branch.
        :raises UsageError: if it is the one that the session is on.
        """

        def drop(refs: Refs) -> Refs:
            self._tip(refs, name)
            if name == refs.branch:
                raise UsageError(f"The session is on branch {name!r}. 'switch' to another one before you delete it.")
            return replace(refs, branches={other: tip for other, tip in refs.branches.items() if other != name})

        self._edit_refs(drop)

    def delete_tag(self, name: str) -> None:
        """Forget a tag. What only it reached is dropped by ``gc``, after the retention.

        :raises UnknownRef: if there is no such tag.
        """

        def drop(refs: Refs) -> Refs:
            if name not in refs.tags:
                raise UnknownRef(f"There is no tag {name!r}. 'tag' lists the tags.")
            return replace(refs, tags={other: commit for other, commit in refs.tags.items() if other != name})

        self._edit_refs(drop)

    def move_head(self, commit: str | None, branch: str | None) -> None:
        """Put HEAD of a session that no kernel has open elsewhere; the next restore brings that version."""
        self._edit_refs(lambda refs: replace(refs, head=commit, branch=branch))

    def _edit_refs(self, change: Callable[[Refs], Refs]) -> Refs:
        """Change the refs while nobody else can.

        :raises SessionBusy: if a live kernel has the session open.
        """
        self.store.claim(self.id)
        try:
            refs = change(self.store.refs(self.id))
            self.store.move_refs(self.id, refs)
        finally:
            self.store.release(self.id)
        return refs

    def _resolve(self, refs: Refs, ref: str) -> str:
        return references.resolve(self.store, self.id, refs, ref)

    def _tip(self, refs: Refs, name: str) -> str:
        if name in refs.branches:
            return refs.branches[name]
        try:
            self._resolve(refs, name)
        except (UnknownRef, AmbiguousRef):
            known = ", ".join(sorted(refs.branches)) or "none yet"
            start = name if is_name(name) else "NAME"
            raise UnknownRef(
                f"There is no branch {name!r} (there are: {known}). 'branch {start}' starts one at HEAD."
            ) from None
        what = "tag" if name in refs.tags else "commit"
        raise UnknownRef(f"{name!r} is a {what} and no branch. 'checkout {name}' goes there.")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        return re.compile(re.escape(text), re.IGNORECASE)


def _compare(
    name: str, old: Manifest, new: Manifest, old_version: Version, new_version: Version
) -> NameDifference | None:
    if name not in new.names:
        return NameDifference(name, "deleted")
    if name not in old.names:
        if name in new.bindings:
            return NameDifference(name, "added")
        return NameDifference(name, "not captured", note=new.missing[name][0])
    if name not in old.bindings or name not in new.bindings:
        reason = (new.missing.get(name) or old.missing.get(name) or ("", ""))[0]
        return NameDifference(name, "not captured", note=reason)
    from perdure.timeline.difference import difference

    try:
        before, after = old_version[name], new_version[name]
    except (NotCaptured, PerdureError) as error:
        return NameDifference(name, "not captured", note=str(error))
    found = difference(before, after)
    # Names of one co-variable are saved together; those whose own value is the same are no news.
    return NameDifference(name, "changed", found) if found.kind != "equal" else None
