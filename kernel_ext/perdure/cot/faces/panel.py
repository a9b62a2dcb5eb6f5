"""An answer with buttons under it, where ipywidgets is installed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any, Final

from perdure.cot.answer import Answer
from perdure.cot.faces.display import Thumbnail, html
from perdure.errors import PerdureError

Action = Callable[[], Answer | None]
"""What a button does: gives the answer to be shown from then on, or None to leave it."""

_BUTTONS: Final = (
    ("Ask the master", "Ask the master anyway, and keep its answer"),
    ("Mark wrong", "This answer is wrong: don't give it again"),
    ("Show the examples", "Show the kept answers that this one was made from"),
)


def widget(
    answer: Answer, ask_master: Action, mark_wrong: Action, show_examples: Action, *, thumbnail: Thumbnail | None = None
) -> Any | None:
    """The answer as a widget with a button for each action; None where ipywidgets isn't installed.

    One action runs at a time. What it prints or displays appears below; if it fails, the reason does.
    """
    try:
        import ipywidgets
    except ImportError:
        return None
    shown = ipywidgets.HTML(html(answer, thumbnail))
    note = ipywidgets.HTML()
    below = ipywidgets.Output()
    actions = (ask_master, mark_wrong, show_examples)
    buttons = [ipywidgets.Button(description=label, tooltip=tip, layout={"width": "auto"}) for label, tip in _BUTTONS]
    running = threading.Lock()

    def run(action: Action) -> None:
        if not running.acquire(blocking=False):
            return
        try:
            for button in buttons:
                button.disabled = True
            note.value = ""
            below.clear_output()
            failure, newer = _tried(action, below)
            if failure:
                note.value = f'<div role="alert" style="color: var(--jp-error-color1, #d32f2f)">{escape(failure)}</div>'
            elif newer is not None:
                shown.value = html(newer, thumbnail)
        finally:
            for button in buttons:
                button.disabled = False
            running.release()

    for button, action in zip(buttons, actions, strict=True):
        button.on_click(lambda _button, action=action: run(action))
    return ipywidgets.VBox([shown, ipywidgets.HBox(buttons), note, below])


def _tried(action: Action, below: Any) -> tuple[str, Answer | None]:
    """What went wrong, as a sentence, or the newer answer."""
    outcome: tuple[str, Answer | None] = ("This was interrupted.", None)
    with below:
        try:
            outcome = "", action()
        except PerdureError as error:
            outcome = str(error), None
        except Exception as error:  # noqa: BLE001 - it must be seen: a widget's exceptions go to a log that nobody reads
            outcome = f"This failed ({type(error).__name__}): {error}", None
    return outcome
