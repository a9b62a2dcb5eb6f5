"""An OpenAI-compatible server on loopback that serves a `Model`, and fails when told to.

    with OpenAIServer(model, key="sk-test") as server:
        server.fail(Status(429, {"Retry-After": "0.1"}), Close())   # the next two requests
        OpenAIModel("served", base_url=server.url, api_key="sk-test").generate(...)

It speaks real HTTP: chat completions with pictures as data URLs, usage, log-probabilities, streaming, and /v1/models.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from PIL import Image

from perdure.cot.answer import Tokens
from perdure.cot.models.model import Model, Prompt, Reply, Sampling, Turn
from perdure.cot.picture import Picture
from perdure.errors import PerdureError


@dataclass(frozen=True)
class Status:
    """Answer with this status instead of a reply."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "told to fail"
    kind: str | None = None
    param: str | None = None
    echo_key: bool = False
    """Say the key in the message, as bad servers do."""


@dataclass(frozen=True)
class Hang:
    """Say nothing until the server closes."""


@dataclass(frozen=True)
class Slow:
    """Send the reply byte by byte, with a pause after each."""

    pause: float


@dataclass(frozen=True)
class Close:
    """Close the connection without a word."""


@dataclass(frozen=True)
class Cut:
    """Close the connection in the middle of the reply."""


@dataclass(frozen=True)
class Rubbish:
    """Status 200 and a body that is no reply."""

    body: bytes = b'{"choices": [{"mess'


@dataclass(frozen=True)
class Says:
    """A reply with this text, whatever the model would say."""

    text: str = ""
    finish: str = "stop"
    refusal: str | None = None


Fault = Status | Hang | Slow | Close | Cut | Rubbish | Says


class OpenAIServer:
    """Serves ``model`` under ``name``. ``refuses`` are parameters that it answers with 400."""

    def __init__(
        self,
        model: Model,
        *,
        key: str | None = None,
        name: str = "served",
        refuses: frozenset[str] = frozenset(),
        usage: bool = True,
        logprobs: bool = True,
        fingerprint: str | None = "fp_1",
    ) -> None:
        self.model, self.key, self.name = model, key, name
        self.refuses, self.usage, self.logprobs, self.fingerprint = refuses, usage, logprobs, fingerprint
        self.requests: list[dict[str, Any]] = []
        """Bodies of all chat requests, in the order of their arrival."""
        self.times: list[float] = []
        """When they arrived, as time.monotonic has it."""
        self.answered = 0
        """Replies that a model made: what a hosted one would charge for."""
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._faults: deque[Fault] = deque()
        self._server = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._server.ours = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def fail(self, *faults: Fault, times: int = 1) -> None:
        """The next requests fail so, one after the other, ``times`` over."""
        with self.lock:
            self._faults.extend(faults * times)

    def next_fault(self) -> Fault | None:
        with self.lock:
            return self._faults.popleft() if self._faults else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    ours: OpenAIServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTPServer

    def log_message(self, *args: object) -> None:
        """Say nothing: a test's output is its own."""

    @property
    def ours(self) -> OpenAIServer:
        return self.server.ours

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self._error(404, "no such page")
        if not self._admitted():
            return None
        return self._json(200, {"object": "list", "data": [{"id": self.ours.name, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            return self._error(404, "no such page")
        with self.ours.lock:
            self.ours.requests.append(body)
            self.ours.times.append(time.monotonic())
        if not self._admitted():
            return None
        if body["model"] != self.ours.name:
            return self._error(404, f"The model `{body['model']}` does not exist", "model_not_found")
        for parameter in sorted(self.ours.refuses & body.keys()):
            return self._error(400, f"Unsupported parameter: '{parameter}' is not supported", param=parameter)
        return self._chat(body, self.ours.next_fault())

    def _admitted(self) -> bool:
        if self.ours.key is None or self.headers.get("Authorization") == f"Bearer {self.ours.key}":
            return True
        self._error(401, f"Incorrect API key provided: {self.headers.get('Authorization')}", "invalid_api_key")
        return False

    def _chat(self, body: dict[str, Any], fault: Fault | None) -> None:
        match fault:
            case Status():
                said = fault.message + (f" {self.headers.get('Authorization')}" if fault.echo_key else "")
                return self._error(fault.code, said, fault.kind, fault.param, fault.headers)
            case Hang():
                self.ours.closing.wait()
                return self._hang_up()
            case Close():
                return self._hang_up()
            case Rubbish():
                return self._bytes(200, fault.body)
            case Says():
                reply = Reply(fault.text, Tokens(7, len(fault.text)), "told")
            case _:
                try:
                    reply = self.ours.model.generate(_prompt(body["messages"]), _sampling(body))
                except PerdureError as error:
                    return self._error(500, str(error))
                with self.ours.lock:
                    self.ours.answered += 1
        said_otherwise = {"finish": fault.finish, "refusal": fault.refusal} if isinstance(fault, Says) else {}
        if body.get("stream"):
            return self._stream(body, reply, fault)
        return self._reply(self._completion(body, reply, **said_otherwise), fault)

    def _completion(
        self, body: dict[str, Any], reply: Reply, finish: str = "stop", refusal: str | None = None
    ) -> dict[str, Any]:
        message = {"role": "assistant", "content": reply.text, "refusal": refusal}
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": self._logprobs(body, reply)}
        return self._named({"object": "chat.completion", "choices": [choice]}) | self._usage(reply)

    def _named(self, data: dict[str, Any]) -> dict[str, Any]:
        named = {"id": "chatcmpl-1", "created": 0, "model": f"{self.ours.name}-2026"} | data
        return named | ({"system_fingerprint": self.ours.fingerprint} if self.ours.fingerprint else {})

    def _usage(self, reply: Reply) -> dict[str, Any]:
        if not self.ours.usage:
            return {}
        prompt, completion = reply.tokens.prompt, reply.tokens.completion
        return {
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }
        }

    def _logprobs(self, body: dict[str, Any], reply: Reply) -> dict[str, Any] | None:
        """A `Reply` has the mean only, so every token gets it: the mean that the client computes is the model's."""
        if not self.ours.logprobs or not body.get("logprobs") or reply.logprob is None:
            return None
        token = {"token": "", "logprob": reply.logprob, "bytes": [], "top_logprobs": []}
        return {"content": [token] * max(1, reply.tokens.completion)}

    def _reply(self, data: dict[str, Any], fault: Fault | None) -> None:
        content = json.dumps(data).encode()
        if not isinstance(fault, Cut | Slow):
            return self._bytes(200, content)
        self._head(200, len(content))
        if isinstance(fault, Cut):
            self.wfile.write(content[: len(content) // 2])
            return self._hang_up()
        for n in range(len(content)):
            if self.ours.closing.wait(fault.pause):
                break
            try:
                self.wfile.write(content[n : n + 1])
            except OSError:
                break
        return self._hang_up()

    def _stream(self, body: dict[str, Any], reply: Reply, fault: Fault | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        pieces = [reply.text[n : n + 3] for n in range(0, len(reply.text), 3)]
        for n, piece in enumerate(pieces):
            if isinstance(fault, Cut) and n == len(pieces) // 2:
                return self._hang_up()
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            if n == 0:
                choice["logprobs"] = self._logprobs(body, reply)
            self._event(self._named({"object": "chat.completion.chunk", "choices": [choice]}))
            if isinstance(fault, Slow) and self.ours.closing.wait(fault.pause):
                return self._hang_up()
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        self._event(self._named({"object": "chat.completion.chunk", "choices": [end]}))
        if body.get("stream_options", {}).get("include_usage"):
            self._event(self._named({"object": "chat.completion.chunk", "choices": []}) | self._usage(reply))
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True
        return None

    def _event(self, data: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _error(
        self,
        status: int,
        message: str,
        kind: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        error = {"message": message, "type": "error", "code": kind, "param": param}
        self._json(status, {"error": error}, headers)

    def _json(self, status: int, data: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._bytes(status, json.dumps(data).encode(), headers)

    def _bytes(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(content), headers)
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client may have been faster
            self.connection.shutdown(socket.SHUT_RDWR)


def _prompt(messages: list[dict[str, Any]]) -> Prompt:
    return tuple(Turn(message["role"], tuple(_parts(message["content"]))) for message in messages)


def _parts(content: str | list[dict[str, Any]]) -> Iterator[str | Picture]:
    if isinstance(content, str):
        yield content
        return
    for part in content:
        if part["type"] == "text":
            yield part["text"]
        else:
            head, _, data = part["image_url"]["url"].partition(",")
            assert head == "data:image/png;base64"
            yield Picture(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def _sampling(body: dict[str, Any]) -> Sampling:
    most = body.get("max_tokens") or body.get("max_completion_tokens") or 512
    return Sampling(most, body.get("temperature", 0.0), body.get("seed", 0))
