"""Trust: whose bytes may be unpickled. Unpickling runs code, so bytes from elsewhere wait until the user says so.

As in Git's ``safe.directory``, a store is the user's own if its folder is. A session that was imported from a file is
trusted when the user says so (``perdure trust SESSION``).
"""

from __future__ import annotations

import os

from perdure.errors import Untrusted
from perdure.store import Store


def check_trusted(store: Store, session: str) -> None:
    """Do nothing if the session's values may be read.

    :raises Untrusted: if they may not, with what to do.
    """
    if hasattr(os, "geteuid"):
        owner, user = store.path.stat().st_uid, os.geteuid()
        if owner not in (user, 0) and user != 0:
            raise Untrusted(
                f"The store {store.path} belongs to another user (uid {owner}), and reading its values runs code that it "
                "carries. Have the session exported there, and import the file here."
            )
    if not store.session(session).trusted:
        raise Untrusted(
            f"Session {session} comes from elsewhere, and reading its values runs code that it carries. "
            f"If you trust its origin, say so with: `perdure trust {session}`"
        )
