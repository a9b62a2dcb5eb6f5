"""A model behind an OpenAI-compatible server: hosted, or one's own (vLLM, Ollama, LM Studio, llama.cpp)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, Self

from perdure.cot.answer import Tokens
from perdure.cot.models.allowance import picture_tokens, text_tokens
from perdure.cot.models.charge import charged
from perdure.cot.models.model import Price, Prompt, Reply, Sampling
from perdure.cot.models.openai_body import Completion, Dialect, messages
from perdure.cot.models.openai_line import Asking, Failure, Line, Trouble
from perdure.cot.models.pace import Pace, backoff
from perdure.cot.models.prices import price as checked
from perdure.cot.models.secret import Secret
from perdure.cot.picture import Picture
from perdure.errors import ModelRefused, ModelUnavailable, NoAnswer, UnusableReply, UsageError

FIRST_PAUSE: Final = 0.5
"""Seconds before the second attempt, about; doubled for each one after."""
LONGEST_PAUSE: Final = 8.0
PATIENCE: Final = 3
"""Attempts and pauses together last at most so many timeouts."""
_AGAIN: Final = frozenset({408, 409, 425, 429})

OnText = Callable[[str], None]


class OpenAIModel:
    """A model by its name on a server.

    ``base_url`` and ``api_key`` are OPENAI_BASE_URL and OPENAI_API_KEY unless given. ``timeout`` is for one attempt in seconds; ``extra`` are further
    fields of the request, such as ``{"reasoning_effort": "low"}``. The key is kept in memory only: pickled, the model is without it, and
    takes OPENAI_API_KEY where it is unpickled.
    """

    hosted = True
    """Its version is only known from its replies."""

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | Secret | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        price: Price | str | None = None,
        extra: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self._key = Secret(api_key) if isinstance(api_key, str) else api_key
        api_key = None  # what is raised from here on shows no key among its traceback's variables
        self._model = model
        self._name = name or f"openai:{model}"
        self._base_url = base_url
        self._timeout = timeout
        self._retries = retries
        self._extra = dict(extra or {})
        self._dialect = Dialect()
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._pid = 0
        self._pace: Pace | None = None
        self._version = model
        if not model.strip():
            raise UsageError("The model has no name. Write it as openai:MODEL")
        if not 0 < timeout < float("inf") or retries < 0:
            raise UsageError("A timeout is more than 0 seconds, and retries are 0 or more. Change them.")
        self._price = checked(price)

    @property
    def name(self) -> str:
        """What the user wrote."""
        return self._name

    @property
    def version(self) -> str:
        """What the server called itself at the last reply; the model's name before the first."""
        return self._version

    @property
    def price(self) -> Price | None:
        """What the user said that it costs."""
        return self._price

    def generate(
        self,
        prompt: Prompt,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        on_text: OnText | None = None,
    ) -> Reply:
        """Ask; with ``on_text`` the reply is streamed to it piece by piece.

        :raises ModelUnavailable: if the server is down, too slow or too busy, also after retries.
        :raises ModelRefused: if it refuses the key, the model or the request.
        :raises UnusableReply: if the reply is empty or none; what it cost is in `perdure.cot.models.charge.charge`.
        """
        pieces = self._reply(prompt, sampling, stream=on_text is not None)
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            if on_text is not None:
                on_text(piece)

    def stream(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Generator[str, None, Reply]:  # noqa: B008 - frozen
        """The reply piece by piece as it comes; the generator's return value is the reply. Raises as `generate` does."""
        return self._reply(prompt, sampling, stream=True)

    def most(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Tokens:  # noqa: B008 - frozen
        """A bound by the length of the text and the size of the pictures: see `perdure.cot.models.allowance`."""
        pictures = [part for turn in prompt for part in turn.parts if isinstance(part, Picture)]
        size = sum(picture_tokens(self._model, *picture.image.size) for picture in pictures)
        return Tokens(text_tokens(prompt) + size, sampling.max_tokens)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _reply(self, prompt: Prompt, sampling: Sampling, *, stream: bool) -> Generator[str, None, Reply]:
        began = time.perf_counter()
        done = yield from self._asked(prompt, sampling, stream=stream)
        if isinstance(done, Failure):
            begun = Tokens(self.most(prompt, sampling).prompt) if done.begun else Tokens()
            raise charged(self._error(done), begun)
        tokens = done.usage or self._guessed(prompt, sampling, done)
        self._version = " ".join(part for part in (done.model or self._model, done.fingerprint) if part)
        if not done.text.strip():
            raise charged(self._empty(done, sampling), tokens)
        return Reply(done.text, tokens, self._version, done.logprob, time.perf_counter() - began)

    def _asked(self, prompt: Prompt, sampling: Sampling, *, stream: bool) -> Asking:
        line, pace = self._held()
        deadline = time.monotonic() + PATIENCE * self._timeout
        conversation = {"model": self._model, "messages": messages(prompt)}
        refused = self._dialect.refused
        done: Completion | Failure = Failure(Trouble.STATUS, 429)
        attempt = 0
        while pace.wait(deadline):
            parameters = self._dialect.parameters(sampling, refused, stream=stream)
            seconds = max(0.001, min(self._timeout, deadline - time.monotonic()))
            done = yield from line.ask(conversation | parameters, self._extra, seconds, stream=stream)
            if isinstance(done, Completion):
                self._dialect.learn(refused)
                break
            if done.status in {400, 422}:
                before, refused = refused, self._dialect.without(parameters, done.message, refused)
                if refused != before:
                    continue
            if attempt == self._retries or not _again(done):
                break
            wait = backoff(attempt, FIRST_PAUSE, LONGEST_PAUSE) if done.pause is None else done.pause
            if done.status == 429 or done.pause is not None:
                pace.pause(wait)
            elif time.monotonic() + wait > deadline:
                break
            else:
                time.sleep(wait)
            attempt += 1
        return done

    def _held(self) -> tuple[Line, Pace]:
        with self._lock:
            if self._line is None or self._pid != os.getpid():  # a forked child has lines of its own
                self._pid = os.getpid()
                self._line = Line(self._base_url, self._key)
                self._pace = Pace.shared(self._line.address, self._model)
            assert self._pace is not None
            return self._line, self._pace

    def _guessed(self, prompt: Prompt, sampling: Sampling, done: Completion) -> Tokens:
        """For a server that doesn't tell: the bound, so that no budget is overdrawn."""
        said = len(done.text.encode()) + len(done.refusal.encode())
        return Tokens(self.most(prompt, sampling).prompt, min(sampling.max_tokens, said))

    def _empty(self, done: Completion, sampling: Sampling) -> NoAnswer:
        if done.refusal or done.finish == "content_filter":
            return ModelRefused(f"{self._name} declines to answer this. Ask otherwise, or ask another model.")
        if done.finish == "length":
            return UnusableReply(
                f"{self._name} said nothing within {sampling.max_tokens:,} tokens: it may have spent them thinking. Allow it more."
            )
        return UnusableReply(f"{self._name} sent an empty reply. Ask again, or ask another model.")

    def _error(self, failure: Failure) -> NoAnswer:
        where = self._base_url or (self._line.address if self._line else "its server")
        says = f" ({failure.message})" if failure.message else ""
        match failure.trouble, failure.status:
            case (Trouble.CONNECTION, _) if failure.begun:
                return ModelUnavailable(f"{self._name} broke off in the middle of its reply. Ask again later.")
            case (Trouble.CONNECTION, _):
                return ModelUnavailable(
                    f"{self._name} can't be reached at {where}. Check that the server runs and the address is right, then ask again."
                )
            case (Trouble.TIMEOUT, _):
                return ModelUnavailable(
                    f"{self._name} didn't answer within {self._timeout:g} s. Ask again later, or give it longer with timeout=."
                )
            case (Trouble.RUBBISH, _):
                return UnusableReply(
                    f"{self._name} sent something that is no reply. Check that {where} is an OpenAI-compatible server."
                )
            case (_, 401 | 403):
                return ModelRefused(
                    f"{where} refuses the key for {self._name}. Check OPENAI_API_KEY, or give api_key=."
                )
            case (_, 404):
                return ModelRefused(
                    f"{where} has no model {self._model!r}{says}. Check its name, and that the address ends as it should."
                )
            case (_, 429) if failure.code == "insufficient_quota":
                return ModelUnavailable(
                    f"The account behind {self._name} has no credit left. Add some, or use another model."
                )
            case (_, 429):
                return ModelUnavailable(
                    f"{self._name} has had too many requests{_until(self._pace)}. Ask again later, or fewer at once."
                )
            case (_, status) if status >= 500 or status in _AGAIN:
                return ModelUnavailable(f"{self._name} fails with status {status}{says}. Ask again later.")
            case (_, status):
                return ModelRefused(
                    f"{self._name} can't take this request: status {status}{says}. Ask otherwise, or with fewer pictures."
                )

    def __reduce__(self) -> tuple[Any, ...]:
        settings = {"base_url": self._base_url, "timeout": self._timeout, "retries": self._retries}
        return _made, (
            type(self),
            self._model,
            settings | {"price": self._price, "extra": self._extra, "name": self._name},
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r}, base_url={self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _again(failure: Failure) -> bool:
    """Whether another attempt may help and costs nothing twice: not after a timeout, since a slow server charges for what nobody waited for."""
    if failure.begun or failure.trouble in {Trouble.TIMEOUT, Trouble.RUBBISH}:
        return False
    if failure.trouble is Trouble.STATUS:
        return (failure.status >= 500 or failure.status in _AGAIN) and failure.code != "insufficient_quota"
    return True


def _until(pace: Pace | None) -> str:
    left = pace.left if pace else 0.0
    return f" and asks for a pause of {left:.0f} s" if left >= 1 else ""


def _made(cls: type[OpenAIModel], model: str, settings: dict[str, Any]) -> OpenAIModel:
    return cls(model, **settings)
