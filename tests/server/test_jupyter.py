"""With a Jupyter server's own kernels: its notebooks' names are those that sessions are found by."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.driver import PATIENCE
from server.conftest import Get


async def run(client: Any, code: str) -> None:
    sent = client.execute(code)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            reply = await client.get_shell_msg(timeout=1)
        except queue.Empty:
            continue
        if reply["parent_header"]["msg_id"] == sent:
            assert reply["content"]["status"] == "ok", reply["content"]
            return
    raise TimeoutError(code)


@pytest.mark.parametrize("path", ["demo.ipynb", "some folder/é.ipynb"])
async def test_a_notebook_s_session_is_found_by_its_path(
    path: str,
    store: Path,
    jp_root_dir: Path,
    jp_serverapp: Any,
    jp_fetch: Callable[..., Awaitable[Any]],
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERDURE_STORE", str(store))
    (jp_root_dir / path).parent.mkdir(exist_ok=True)
    body = {"path": path, "name": path.rpartition("/")[2], "type": "notebook", "kernel": {"name": "python3"}}
    made = json.loads((await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))).body)
    kernel = jp_serverapp.kernel_manager.get_kernel(made["kernel"]["id"])
    client = kernel.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE)
        await run(client, "%load_ext perdure\nx = 1")
        await run(client, "import perdure; perdure.current().flush()")
        (found,) = (await get("sessions", notebook=path))["sessions"]
        assert (found["notebook"], found["same_name"], found["live"]) == (str(jp_root_dir / path), False, True)
        # Another machine's notebook of that name is a namesake.
        (namesake,) = (await get("sessions", notebook=f"elsewhere/{path.rpartition('/')[2]}"))["sessions"]
        assert (namesake["id"], namesake["same_name"]) == (found["id"], True)
    finally:
        client.stop_channels()
        await jp_serverapp.kernel_manager.shutdown_all(now=True)
