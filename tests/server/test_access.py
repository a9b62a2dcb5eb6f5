"""Who may ask: nobody without a token, no page of another site, and the server's own rules apply to every route."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPResponse

from perdure.jupyter.server.handlers import PanelHandler
from server.conftest import Raw
from server.making import chain, written

ID = "0" * 12
ROUTES: list[tuple[str, ...]] = [
    ("store",),
    ("sessions",),
    ("sessions", ID),
    ("sessions", ID, "graph"),
    ("sessions", ID, "commits"),
    ("sessions", ID, "commits", "HEAD"),
    ("sessions", ID, "diff"),
    ("sessions", ID, "variables"),
    ("sessions", ID, "variables", "x"),
    ("sessions", ID, "plan"),
    ("sessions", ID, "notebook"),
    ("cot", "stats"),
    ("cot", "answers"),
    ("cot", "answers", ID),
    ("cot", "answers", ID, "pictures", "0"),
    ("cot", "answers", ID, "similar"),
]


def test_the_routes_here_are_all_there_are(jp_web_app: Any) -> None:
    rules = [rule for router in jp_web_app.default_router.rules for rule in getattr(router.target, "rules", ())]
    ours = [rule for rule in rules if isinstance(rule.target, type) and issubclass(rule.target, PanelHandler)]
    assert len(ours) == len(ROUTES)
    for rule in ours:
        fits = [
            route
            for route in ROUTES
            if rule.matcher.regex.fullmatch("/a%40b/perdure/api/" + "/".join(route)) is not None
        ]
        assert len(fits) == 1, rule.matcher.regex.pattern
    methods = {name for name in ("post", "put", "patch", "delete") if name in vars(PanelHandler)}
    assert methods == set()


async def test_without_a_token_it_is_forbidden(raw: Raw) -> None:
    for route, headers in product(ROUTES, ({}, {"Authorization": "token wrong"})):
        response = await raw(*route, headers=headers)
        assert response.code == 403, route
        assert "store" not in json.loads(response.body)


async def test_a_page_of_another_site_is_refused(raw: Raw) -> None:
    cookie = cookie_of(await raw("store"))
    assert (await raw("store", headers={"Cookie": cookie})).code == 200
    for route in ROUTES:
        response = await raw(*route, headers={"Cookie": cookie, "Origin": "http://evil.example"})
        assert response.code == 404, route
        assert not [name for name in response.headers if name.lower().startswith("access-control-")], route
        assert "Not Found" in json.loads(response.body)["message"], route  # and nothing of ours


async def test_a_name_that_was_rebound_to_this_machine_is_refused(raw: Raw, jp_auth_header: dict[str, str]) -> None:
    for route in ROUTES:
        assert (await raw(*route, headers={**jp_auth_header, "Host": "evil.example"})).code == 403, route


async def test_answers_are_neither_stored_nor_guessed_at(store: Path, raw: Raw) -> None:
    with written(store) as writer:
        chain(writer, ["x = '<script>alert(1)</script>'"])
    response = await raw("sessions", writer.session, "commits", "HEAD")
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_polling_does_not_keep_the_server_alive(raw: Raw, jp_web_app: Any) -> None:
    before = jp_web_app.settings.get("api_last_activity")
    await raw("store")
    assert jp_web_app.settings.get("api_last_activity") == before


async def test_nothing_can_be_written(raw: Raw, http_server_client: Any, jp_auth_header: dict[str, str]) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        response = await http_server_client.fetch(
            "/a%40b/perdure/api/store", method=method, headers=jp_auth_header, raise_error=False,
            body=None if method == "DELETE" else "{}",
        )  # fmt: skip
        assert response.code == 405


def cookie_of(response: HTTPResponse) -> str:
    cookies = response.headers.get_list("Set-Cookie")
    assert cookies
    return "; ".join(cookie.partition(";")[0] for cookie in cookies)
