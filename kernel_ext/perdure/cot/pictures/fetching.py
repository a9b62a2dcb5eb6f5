"""A picture from the web: http and https alone, of bounded size and in bounded time."""

from __future__ import annotations

import re
import string
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from http.client import HTTPMessage
from typing import IO, Final
from urllib.parse import quote, urlsplit

from perdure._version import __version__
from perdure.errors import UnreadablePicture, UsageError

SECONDS: Final = 30.0
"""How long fetching a picture may take, from the look-up of the name to the last byte."""
MOST_FETCHED: Final = 64 * 2**20
"""Bytes that are fetched at most."""

_PIECE: Final = 1 << 16
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Does it begin as a URL does?"""
    return _SCHEME.match(text) is not None


def shown(url: str) -> str:
    """The URL for people to read and for us to keep: what follows the path may be a signature, what precedes the host a password."""
    before, _, after = url.partition("://")
    host, slash, path = re.split(r"[?#]", after, maxsplit=1)[0].partition("/")
    return f"{before}://{host.rpartition('@')[2]}{slash}{path}"


def fetched(url: str, *, seconds: float = SECONDS, most: int = MOST_FETCHED) -> bytes:
    """What the server sends.

    :raises UsageError: if the address can't be one of a picture's.
    :raises UnreadablePicture: if it isn't to be had, is too large, or takes too long.
    """
    name = shown(url)
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError:
        raise UsageError(f"{name} is no valid URL. Check its spelling.") from None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise UsageError(f"{name} can't be fetched: only http and https are. Download the file and give its path.")
    if user is not None:
        raise UsageError(
            f"The URL of {name} has a user's name in it, which isn't sent. Download the file and give its path."
        )
    done: Future[bytes] = Future()
    # A thread of its own: neither the look-up of a name nor a server that sends a byte now and then can be timed otherwise.
    deadline = time.monotonic() + seconds
    threading.Thread(target=_fetch, args=(url, name, deadline, most, done), name="perdure-fetch", daemon=True).start()
    try:
        return done.result(seconds)
    except TimeoutError:
        raise UnreadablePicture(
            f"{name} took more than {seconds:g} s to fetch. Try again, or download it yourself."
        ) from None


def _fetch(url: str, name: str, deadline: float, most: int, done: Future[bytes]) -> None:
    try:
        done.set_result(_body(url, name, deadline, most))
    except (UnreadablePicture, TimeoutError) as error:
        done.set_exception(error)
    except urllib.error.HTTPError as error:
        error.close()
        done.set_exception(UnreadablePicture(f"The server answered {error.code} for {name}. Check the address."))
    except Exception as error:  # noqa: BLE001 - urllib raises what sockets, TLS, HTTP and codecs do
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            done.set_exception(reason)
            return
        # An http.client error may quote the URL, with what `shown` leaves out.
        why = str(getattr(reason, "strerror", None) or type(reason).__name__)
        done.set_exception(
            UnreadablePicture(f"{name} could not be fetched ({why}). Check the address and the network.")
        )


def _body(url: str, name: str, deadline: float, most: int) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - the scheme has been checked
        quote(url, safe=string.punctuation), headers={"User-Agent": f"perdure/{__version__}", "Accept": "image/*"}
    )
    body = bytearray()
    with _opener().open(request, timeout=max(0.001, deadline - time.monotonic())) as response:
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > most:
                raise UnreadablePicture(f"{name} has more than {most // 2**20} MiB. Give a smaller picture.")
            if time.monotonic() > deadline:
                raise TimeoutError
        missing = response.length
    if missing:
        raise UnreadablePicture(f"{name} ended too early. Try again.")
    return bytes(body)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to the same scheme, or from http to https."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != before and (before, after) != ("http", "https"):
            raise UnreadablePicture(
                f"{shown(req.full_url)} leads to a {after or 'strange'} address, which isn't followed. Check the address."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Without the handlers for files, FTP and data that urllib's own opener has."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
