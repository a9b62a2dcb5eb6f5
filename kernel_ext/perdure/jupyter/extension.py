"""``%load_ext perdure`` and ``%unload_ext perdure``."""

from __future__ import annotations

import atexit
from datetime import datetime
from typing import TYPE_CHECKING

from perdure.errors import PerdureError
from perdure.jupyter import asking
from perdure.jupyter.attachment import attach_again, detach, earlier_session
from perdure.jupyter.magics import register, unregister
from perdure.verbs.words import typed_here

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Attach the shell to a new session. A store that can't be used is reported in a sentence, and cells run as before."""
    register(shell)
    asking.register(shell)
    try:
        attach_again()
    except PerdureError as error:
        print(typed_here(f"perdure: this session is not durable. {error}", kernel=True))
        return
    atexit.register(detach)
    offer = earlier_session()
    if offer is not None and offer.last is not None:
        when = datetime.fromtimestamp(offer.last).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006 - the user's own time
        commits = "1 commit" if offer.commits == 1 else f"{offer.commits} commits"
        print(
            f"perdure: this notebook has an earlier session ({commits}, until {when}). Bring it back with: %dart restore"
        )


def unload(shell: InteractiveShell) -> None:
    """Save what is left and detach."""
    detach()
    atexit.unregister(detach)
    unregister(shell)
    asking.unregister(shell)
