"""The panel's routes on a Jupyter server: who may ask, and how errors are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from perdure.errors import AmbiguousRef, Busy, InvalidName, MissingExtra, PerdureError, UsageError
from perdure.jupyter.server.asked import Asked
from perdure.jupyter.server.library import Library
from perdure.jupyter.server.panel import Panel

_JSON, _PNG = "application/json", "image/png"

Method = Callable[[Asked], Any]

_ID = r"(?P<session>[^/]+)"
_ANSWER = r"(?P<answer>[^/]+)"


def routes(panel: Panel, library: Library, base_url: str) -> list[tuple[str, type[APIHandler], dict[str, Any]]]:
    """Every route, with the method that answers it."""
    answered: dict[str, Method] = {
        r"store": panel.store,
        r"sessions": panel.sessions,
        rf"sessions/{_ID}": panel.session,
        rf"sessions/{_ID}/graph": panel.graph,
        rf"sessions/{_ID}/commits": panel.commits,
        rf"sessions/{_ID}/commits/(?P<ref>.+)": panel.commit,
        rf"sessions/{_ID}/diff": panel.diff,
        rf"sessions/{_ID}/variables": panel.variables,
        rf"sessions/{_ID}/variables/(?P<name>[^/]+)": panel.variable,
        rf"sessions/{_ID}/plan": panel.plan,
        rf"sessions/{_ID}/notebook": panel.notebook,
        r"cot/stats": library.stats,
        r"cot/answers": library.answers,
        rf"cot/answers/{_ANSWER}": library.answer,
        rf"cot/answers/{_ANSWER}/pictures/(?P<number>[^/]+)": library.picture,
        rf"cot/answers/{_ANSWER}/similar": library.similar,
    }
    return [
        (url_path_join(base_url, "perdure", "api", path), PanelHandler, {"panel": panel, "method": method})
        for path, method in answered.items()
    ]


class PanelHandler(APIHandler):
    """Answers one route with JSON. Reads only, on a thread of its own, so that the server goes on serving."""

    auth_resource = "perdure"
    #: A panel that looks for news must not keep a server alive that nobody uses.
    _track_activity = False

    def initialize(self, panel: Panel, method: Method) -> None:
        """Tornado's constructor."""
        self._panel = panel
        self._method = method

    @web.authenticated
    @authorized
    async def get(self, **parts: str) -> None:
        """Answer, or tell what is wrong."""
        given = {name: self.get_query_argument(name, "", strip=False) for name in self.request.query_arguments}
        work = partial(self.work, Asked(parts, given))
        try:
            kind, body = await asyncio.get_running_loop().run_in_executor(self._panel.executor, work)
        except PerdureError as error:
            self.set_status(status(error))
            kind, body = _JSON, json.dumps({"error": type(error).__name__, "message": str(error)}).encode()
        self.set_header("Cache-Control", "private, max-age=3600" if kind == _PNG else "no-store")
        await self.finish(body, set_content_type=kind)

    def work(self, asked: Asked) -> tuple[str, bytes]:
        """What is done away from the server's event loop: the type and the bytes of the answer."""
        answer = self._method(asked)
        return (_PNG, answer) if isinstance(answer, bytes) else (_JSON, json.dumps(answer).encode())


def status(error: PerdureError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, AmbiguousRef | InvalidName) or type(error) is UsageError:
        return 400
    if isinstance(error, UsageError) and not isinstance(error, MissingExtra):  # unknown sessions, refs, names, answers
        return 404
    if isinstance(error, Busy):
        return 409
    return 503
