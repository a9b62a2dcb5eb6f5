"""A Jupyter server with the panel's part, over a store of the test's own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403 - fixtures, and the hooks that run coroutines
from tornado.httpclient import HTTPResponse

from kernel.conftest import kernel, pool, start  # noqa: F401 - fixtures

Raw = Callable[..., Awaitable[HTTPResponse]]
Get = Callable[..., Awaitable[Any]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder of the store that the server reads; nothing is there yet. Fixtures that start kernels use it too."""
    return tmp_path / "store"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cot"


@pytest.fixture
def jp_server_config(store: Path, cache: Path) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"perdure": True}, "allow_unauthenticated_access": False},
        "Perdure": {"store": str(store)},
        "Cot": {"cache": str(cache)},
    }


@pytest.fixture
def raw(jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str) -> Raw:
    """Ask a route, each piece of its path escaped: the response, whatever its status."""

    def raw(*pieces: str, headers: dict[str, str] | None = None, **given: Any) -> Awaitable[HTTPResponse]:
        path = "/".join(quote(piece, safe="") for piece in pieces)
        url = f"{jp_base_url}perdure/api/{path}?{urlencode(given)}"
        sent = jp_auth_header if headers is None else headers
        return http_server_client.fetch(url, headers=sent, raise_error=False, request_timeout=60)

    return raw


@pytest.fixture
def get(raw: Raw) -> Get:
    """Ask a route: what it answers, which must have that status."""

    async def get(*pieces: str, status: int = 200, **given: Any) -> Any:
        response = await raw(*pieces, **given)
        assert response.code == status, response.body
        answer = json.loads(response.body)
        if status != 200:
            assert set(answer) == {"error", "message"}
            assert len(answer["message"]) > 20
            assert answer["message"].endswith((".", "?"))
        return answer

    return get
