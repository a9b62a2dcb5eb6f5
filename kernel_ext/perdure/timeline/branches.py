"""Branches: where HEAD goes when a cell is committed.

As in Git, a commit on a branch's tip moves the branch. Going on from an older commit starts a branch by itself, so that no
commit is ever lost to sight.
"""

from __future__ import annotations

import re
from dataclasses import replace

from perdure.errors import InvalidName
from perdure.store import Refs

FIRST = "main"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\Z")
_COMMIT = re.compile(r"[0-9a-f]{4,40}\Z")


def advance(refs: Refs, commit: str, *, changed: bool) -> Refs:
    """The refs after ``commit`` was made on top of ``refs.head``.

    :param changed: whether it changed something; to look around at an old commit starts no branch.
    """
    branch = refs.branch or FIRST
    if branch in refs.branches and refs.branches[branch] != refs.head:
        if not changed:
            return replace(refs, head=commit)
        branch = _unused(branch, refs)
    elif branch not in refs.branches and branch in refs.tags:  # the branch was deleted, and the tag set since
        branch = _unused(branch, refs)
    return replace(refs, head=commit, branch=branch, branches={**refs.branches, branch: commit})


def _unused(branch: str, refs: Refs) -> str:
    stem = re.sub(r"-\d+\Z", "", branch)
    count = 2
    while f"{stem}-{count}" in refs.branches or f"{stem}-{count}" in refs.tags:
        count += 1
    return f"{stem}-{count}"


def is_name(name: str) -> bool:
    """Whether a branch or tag can be called that."""
    try:
        check_name(name)
    except InvalidName:
        return False
    return True


def check_name(name: str) -> str:
    """The name, if a branch or tag can have it.

    :raises InvalidName: if it can't, or if it would be taken for a commit id, ``HEAD`` or a cell.
    """
    if name in ("HEAD", "@"):
        raise InvalidName(f"{name!r} always means the commit that the session is at. Choose another name.")
    if not _NAME.match(name) or ".." in name or name.endswith(("/", ".lock")):
        raise InvalidName(f"{name!r} can't name a branch or tag. Use letters, digits, '_', '-', '.' and '/'.")
    if _COMMIT.match(name):
        raise InvalidName(f"{name!r} could be taken for a commit id. Choose a name with a letter after f in it.")
    return name
