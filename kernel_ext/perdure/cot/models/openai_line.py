"""The line to an OpenAI-compatible server: one request, and whatever can become of it as plain data.

Exceptions of the client library carry the request, and that carries the key. They end here: what leaves is a `Failure`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from perdure.cot.models.openai_body import Body, Completion, events
from perdure.cot.models.secret import Secret
from perdure.errors import MissingExtra, ModelRefused, UsageError

if TYPE_CHECKING:
    import openai

_CONNECT: Final = 10.0
"""Seconds for making a connection: a server that is there takes far fewer."""
_LONGEST: Final = 32 << 20
"""Bytes of a reply that are read: more is no answer to a question."""
_HOSTED: Final = "https://api.openai.com/v1"


class Trouble(StrEnum):
    """What can become of a request."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    STATUS = "status"
    RUBBISH = "rubbish"


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that brought no reply."""

    trouble: Trouble
    status: int = 0
    message: str = ""
    """What the server says about it, without the key."""
    code: str = ""
    pause: float | None = None
    """Seconds that the server asks for."""
    begun: bool = False
    """Whether the server had begun to answer: then it may have charged."""


Asking = Generator[str, None, Completion | Failure]
"""A request under way: pieces of text, and in the end what became of it."""
_Piece = TypeVar("_Piece", bytes, str)


class Line:
    """A connection to one server, made at the first request. Safe to be used from several threads."""

    def __init__(self, base_url: str | None, key: Secret | None) -> None:
        self.address = base_url or os.environ.get("OPENAI_BASE_URL") or _HOSTED
        parts = urlsplit(self.address)
        if parts.username or parts.password:
            raise UsageError("The server's address holds a password, which would end up in logs. Give it as api_key=.")
        if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(parts):
            raise UsageError(f"No server has the address {self.address!r}. Write it as http://HOST:PORT/v1")
        self.secret = key or Secret(os.environ.get("OPENAI_API_KEY", ""))
        if not self.secret and self.address == _HOSTED:
            raise ModelRefused(
                "There is no key for OpenAI. Set OPENAI_API_KEY, or give api_key= (or base_url= for another server)."
            )
        self._client = _client(self.address, self.secret, local=_loopback(parts.hostname))

    def ask(self, body: Body, extra: Body, seconds: float, *, stream: bool) -> Asking:
        """One request, within ``seconds`` altogether. With ``stream`` the text comes in pieces as it arrives."""
        import openai

        deadline = time.monotonic() + seconds
        begun = False
        try:
            with self._open(body | ({"stream": True} if stream else {}), extra, seconds) as response:
                begun = True  # it has begun to answer, and charges for that
                done = Completion()
                if not stream:
                    done.add(json.loads(b"".join(_bounded(response.iter_bytes(), deadline))), "message")
                    return done
                for event in events(_bounded(response.iter_lines(), deadline)):
                    if piece := done.add(event, "delta"):
                        yield piece
                return done
        except (openai.APITimeoutError, TimeoutError) as error:
            # A server that never took the call has done no work for it; one that is slow to answer may charge for it.
            unmade = type(error.__cause__).__name__ in {"ConnectTimeout", "PoolTimeout"}
            return Failure(Trouble.CONNECTION if unmade else Trouble.TIMEOUT, begun=begun)
        except openai.APIStatusError as error:
            message, code = self.secret.hide(_shortened(_said(error))), str(error.code or "")
            return Failure(Trouble.STATUS, error.status_code, message, code, _pause(error.response.headers))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return Failure(Trouble.RUBBISH, begun=begun)
        except Exception as error:
            if isinstance(error, EOFError | OSError | openai.APIConnectionError) or _of_transport(error):
                timed_out = "Timeout" in type(error).__name__
                return Failure(Trouble.TIMEOUT if timed_out else Trouble.CONNECTION, begun=begun)
            raise

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _open(self, body: Body, extra: Body, seconds: float) -> AbstractContextManager[Any]:
        import openai

        limit = openai.Timeout(seconds, connect=min(seconds, _CONNECT))
        opened: AbstractContextManager[Any] = self._client.chat.completions.with_streaming_response.create(
            **body, extra_body=extra or None, timeout=limit
        )
        return opened


def _client(address: str, secret: Secret, *, local: bool) -> openai.OpenAI:
    try:
        import openai
    except ImportError:
        raise MissingExtra(
            "A hosted model needs the openai client. Install it with: pip install 'perdure[cot]'"
        ) from None
    return openai.OpenAI(
        base_url=address,
        api_key=secret.reveal() or "none",  # a server of one's own wants none, and the client library insists on one
        max_retries=0,  # ours know the budget, the deadline and the other threads; theirs draw from the user's `random`
        # A proxy that leads out to the world knows no server on this machine.
        http_client=openai.DefaultHttpxClient(trust_env=False) if local else None,
    )


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bounded(pieces: Iterable[_Piece], deadline: float) -> Iterator[_Piece]:
    size = 0
    for piece in pieces:
        if time.monotonic() > deadline:
            raise TimeoutError
        size += len(piece)
        if size > _LONGEST:
            raise ValueError("too long")
        yield piece


def _said(error: openai.APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return str(body.get("message") or error.message)


def _shortened(text: str) -> str:
    return " ".join(text.split())[:300].rstrip(". ")


def _of_transport(error: BaseException) -> bool:
    """Whether the HTTP library below raised it; it has changed its name once already."""
    return type(error).__module__.split(".")[0].startswith("http")


def _pause(headers: Any) -> float | None:
    """What ``Retry-After`` asks for: seconds or a date, or milliseconds as OpenAI says besides."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        return None if value is None else max(0.0, float(value))
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError):
            return None
