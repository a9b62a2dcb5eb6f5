"""The user's key: exported sessions are signed with it, so that one's own come back without a question.

As with Jupyter's trusted notebooks, the key lies in the user's data folder and never leaves it. A file that carries its
signature was written by the same user; any other is trusted only when the user says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from pathlib import Path


def _key() -> bytes:
    from jupyter_core.paths import jupyter_data_dir

    path = Path(jupyter_data_dir()) / "perdure" / "key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
    return path.read_bytes()


def sign(digest: str) -> str | None:
    """The signature of a file's digest, or ``None`` where there is no place for a key."""
    try:
        return hmac.new(_key(), digest.encode(), hashlib.sha256).hexdigest()
    except OSError:
        return None


def is_own(digest: str, signature: str | None) -> bool:
    """Whether the signature is this user's."""
    own = sign(digest)
    return own is not None and signature is not None and hmac.compare_digest(own, signature)
