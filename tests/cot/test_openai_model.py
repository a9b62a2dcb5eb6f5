"""Models behind an OpenAI-compatible server, against a real one on loopback that serves a real model and fails when told to."""

from __future__ import annotations

import logging
import os
import pickle
import random
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from cot.checkpoints import conversation, llava, picture, saved
from cot.openai_server import Close, Cut, Fault, Hang, OpenAIServer, Rubbish, Says, Slow, Status
from perdure.cot.answer import Tokens
from perdure.cot.models import openai_model
from perdure.cot.models.charge import charge
from perdure.cot.models.model import Model, Price, Sampling, Turn
from perdure.cot.models.openai_body import messages
from perdure.cot.models.openai_model import OpenAIModel
from perdure.cot.models.transformers_model import TransformersModel
from perdure.errors import ModelRefused, ModelUnavailable, NoAnswer, UnusableReply, UsageError

KEY = "sk-test-0123456789abcdef"
SHORT = Sampling(max_tokens=8)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with TransformersModel(saved(tmp_path_factory.mktemp("models") / "llava", llava)) as model:
        yield model


@pytest.fixture
def server(local: Model) -> Iterator[OpenAIServer]:
    with OpenAIServer(local, key=KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "FIRST_PAUSE", 0.01)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def client(server: OpenAIServer, **options: object) -> OpenAIModel:
    return OpenAIModel(server.name, **({"base_url": server.url, "api_key": KEY, "timeout": 20.0} | options))


def test_a_reply_is_the_models_with_its_usage(server: OpenAIServer, local: Model) -> None:
    prompt = conversation(1)
    there = local.generate(prompt, SHORT)
    with client(server, price=Price(1e6, 1e6)) as model:
        assert model.version == "served"
        reply = model.generate(prompt, SHORT)
        assert reply.text == there.text != ""
        assert reply.tokens == there.tokens
        assert reply.logprob == pytest.approx(there.logprob)
        assert reply.version == model.version == "served-2026 fp_1"
        assert reply.latency > 0
        assert model.price is not None
        assert model.price.of(reply.tokens) == reply.tokens.prompt + reply.tokens.completion
        assert model.most(prompt, SHORT).prompt >= reply.tokens.prompt
        assert model.generate(prompt, Sampling(8, 1.5, 4)).text == local.generate(prompt, Sampling(8, 1.5, 4)).text


def test_pictures_go_as_data_urls_in_their_order(server: OpenAIServer) -> None:
    prompt = conversation(1)
    with client(server) as model:
        model.generate(prompt, SHORT)
    sent = server.requests[0]["messages"]
    assert sent == messages(prompt)
    assert [message["role"] for message in sent] == [turn.role for turn in prompt]
    assert [part["type"] for part in sent[-1]["content"]] == ["image_url", "image_url", "text"]
    assert sent[0]["content"] == "Answer with one word."


def test_a_stream_brings_the_same_in_pieces(server: OpenAIServer) -> None:
    prompt = conversation(1)
    with client(server) as model:
        whole = model.generate(prompt, SHORT)
        pieces: list[str] = []
        streamed = model.generate(prompt, SHORT, on_text=pieces.append)
        stream = model.stream(prompt, SHORT)
        first = next(stream)
        assert len(pieces) > 1
        assert first == pieces[0]
        assert "".join(pieces) == streamed.text == first + "".join(stream)
        assert (streamed.text, streamed.tokens, streamed.version) == (whole.text, whole.tokens, whole.version)
        assert streamed.logprob == pytest.approx(whole.logprob)


def test_a_stream_that_nobody_reads_on_is_let_go(server: OpenAIServer) -> None:
    with client(server) as model:
        stream = model.stream(conversation(1), SHORT)
        assert next(stream)
        stream.close()

        def stop(piece: str) -> None:
            raise ValueError("enough")

        with pytest.raises(ValueError, match="enough"):
            model.generate(conversation(1), SHORT, on_text=stop)
        assert model.generate(conversation(1), SHORT).text


@pytest.mark.parametrize("fault", [Status(500), Status(503), Status(429), Close()], ids=repr)
def test_what_passes_is_tried_again(server: OpenAIServer, fault: Fault) -> None:
    server.fail(fault, times=2)
    with client(server) as model:
        assert model.generate(conversation(1), SHORT).text
    assert len(server.requests) == 3


def test_trying_again_has_an_end(server: OpenAIServer) -> None:
    server.fail(Status(500, message="out of order"), times=9)
    with client(server, retries=2) as model, pytest.raises(ModelUnavailable) as raised:
        model.generate(conversation(1), SHORT)
    assert str(raised.value) == "openai:served fails with status 500 (out of order). Ask again later."
    assert len(server.requests) == 3


def test_a_broken_stream_is_not_begun_twice(server: OpenAIServer) -> None:
    server.fail(Cut())
    pieces: list[str] = []
    with client(server) as model, pytest.raises(ModelUnavailable, match="broke off"):
        model.generate(conversation(1), SHORT, on_text=pieces.append)
    assert pieces
    assert len(server.requests) == 1


def test_a_server_that_hangs_is_left_after_the_timeout_and_not_paid_twice(server: OpenAIServer) -> None:
    server.fail(Hang(), times=9)
    began = time.monotonic()
    with (
        client(server, timeout=0.3) as model,
        pytest.raises(ModelUnavailable, match=r"didn't answer within 0\.3 s\. Ask"),
    ):
        model.generate(conversation(1), SHORT)
    assert time.monotonic() - began < 5
    assert len(server.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_drips_is_left_too(server: OpenAIServer, stream: bool) -> None:
    server.fail(Slow(0.05), times=9)
    began = time.monotonic()
    with client(server, timeout=0.4) as model, pytest.raises(ModelUnavailable, match="didn't answer"):
        model.generate(conversation(1), Sampling(60), (lambda piece: None) if stream else None)
    assert time.monotonic() - began < 5


def test_a_pause_that_the_server_asks_for_holds_for_all_threads(server: OpenAIServer) -> None:
    server.fail(Status(429, {"Retry-After": "0.6"}))
    with client(server) as first, client(server) as second, ThreadPoolExecutor(9) as pool:
        leading = pool.submit(first.generate, conversation(1), SHORT)
        while first._pace is None or not first._pace.left:
            assert not leading.done()
        others = [pool.submit(model.generate, conversation(1), SHORT) for model in (first, second) * 4]
        assert {reply.result().text for reply in [leading, *others]} == {leading.result().text}
    assert len(server.times) == 10
    assert min(server.times[1:]) - server.times[0] >= 0.59


def test_a_pause_may_be_a_date_or_milliseconds(server: OpenAIServer) -> None:
    server.fail(
        Status(429, {"Retry-After": formatdate(time.time() - 5, usegmt=True)}),
        Status(429, {"Retry-After": "9", "Retry-After-Ms": "20"}),
        Status(429, {"Retry-After": "rubbish"}),
    )
    with client(server) as model:
        assert model.generate(conversation(1), SHORT).text


def test_a_pause_that_is_too_long_is_not_waited_for(server: OpenAIServer) -> None:
    server.fail(Status(429, {"Retry-After": "300"}))
    began = time.monotonic()
    with client(server) as model:
        for _ in range(3):
            with pytest.raises(ModelUnavailable, match=r"too many requests and asks for a pause of \d+ s\. Ask"):
                model.generate(conversation(1), SHORT)
    assert time.monotonic() - began < 5
    assert len(server.requests) == 1


def test_an_empty_account_is_not_asked_again(server: OpenAIServer) -> None:
    server.fail(Status(429, kind="insufficient_quota"))
    with client(server) as model, pytest.raises(ModelUnavailable, match="no credit left"):
        model.generate(conversation(1), SHORT)
    assert len(server.requests) == 1


def test_a_server_that_is_down(local: Model) -> None:
    with OpenAIServer(local) as gone:
        address = gone.url
    with OpenAIModel("served", address, retries=2) as model, pytest.raises(ModelUnavailable) as raised:
        model.generate(conversation(1), SHORT)
    assert str(raised.value) == (
        f"openai:served can't be reached at {address}. Check that the server runs and the address is right, then ask again."
    )


RUBBISH = [
    Rubbish(),
    Rubbish(b""),
    Rubbish(b"<html>Welcome</html>"),
    Rubbish(b"[]"),
    Rubbish(b'{"choices": {}}'),
    Rubbish(b'{"choices": [3]}'),
    Rubbish(b'{"choices": [{"message": "hello"}]}'),
    Rubbish(b"\xff\xfe\x00"),
]


@pytest.mark.parametrize("fault", RUBBISH, ids=lambda fault: fault.body.decode("latin-1"))
def test_rubbish_is_no_reply(server: OpenAIServer, fault: Rubbish) -> None:
    server.fail(fault)
    with client(server) as model:
        with pytest.raises(UnusableReply, match="no reply"):
            model.generate(conversation(1), SHORT)
        assert model.generate(conversation(1), SHORT).text
        if fault.body:  # a stream without an event is a connection that broke off, and is tried again
            server.fail(fault)
            with pytest.raises(UnusableReply, match="no reply"):
                model.generate(conversation(1), SHORT, on_text=lambda piece: None)
    assert len(server.requests) == (3 if fault.body else 2)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (Says(""), UnusableReply, "sent an empty reply. Ask again"),
        (Says("  \n"), UnusableReply, "sent an empty reply. Ask again"),
        (Says("", "length"), UnusableReply, "said nothing within 8 tokens: it may have spent them thinking. Allow"),
        (Says("", "content_filter"), ModelRefused, "declines to answer"),
        (Says("", refusal="I can't."), ModelRefused, "declines to answer"),
    ],
    ids=repr,
)
def test_an_empty_reply_is_none_and_has_its_price(
    server: OpenAIServer, fault: Says, kind: type[NoAnswer], message: str
) -> None:
    server.fail(fault)
    with client(server) as model, pytest.raises(kind, match=message) as raised:
        model.generate(conversation(1), SHORT)
    assert charge(raised.value) == Tokens(7, len(fault.text))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, ModelRefused, r"can't take this request: status 400 \(told to fail\)\. Ask otherwise"),
        (413, ModelRefused, r"status 413"),
        (403, ModelRefused, r"refuses the key for openai:served\. Check OPENAI_API_KEY"),
        (404, ModelRefused, r"has no model 'served' \(told to fail\)\. Check its name"),
    ],
)
def test_what_is_refused_is_not_asked_again(
    server: OpenAIServer, status: int, kind: type[NoAnswer], message: str
) -> None:
    server.fail(Status(status), times=3)
    with client(server) as model, pytest.raises(kind, match=message) as raised:
        model.generate(conversation(1), SHORT)
    assert charge(raised.value) == Tokens()
    assert len(server.requests) <= 2  # one more without what it may not know


def test_a_wrong_key_and_an_unknown_model(server: OpenAIServer) -> None:
    with client(server, api_key="sk-wrong") as model, pytest.raises(ModelRefused, match="refuses the key"):
        model.generate(conversation(1), SHORT)
    with OpenAIModel("unknown", server.url, KEY) as model, pytest.raises(ModelRefused, match="no model 'unknown'"):
        model.generate(conversation(1), SHORT)


@pytest.mark.parametrize("parameter", ["logprobs", "seed", "temperature", "max_tokens"])
def test_a_parameter_that_is_refused_is_left_out_from_then_on(local: Model, parameter: str) -> None:
    with OpenAIServer(local, refuses=frozenset({parameter})) as server, OpenAIModel("served", server.url) as model:
        replies = [model.generate(conversation(n), SHORT) for n in range(3)]
    assert all(reply.text for reply in replies)
    assert [parameter in request for request in server.requests] == [True, False, False, False]
    assert all(request.get("max_tokens", request.get("max_completion_tokens")) == 8 for request in server.requests)
    assert (replies[0].logprob is None) == (parameter == "logprobs")


def test_a_refusal_without_a_name_costs_what_is_least_needed(server: OpenAIServer) -> None:
    server.fail(Status(400, message="Bad request"))
    with client(server) as model:
        assert model.generate(conversation(1), SHORT).text
        assert model.generate(conversation(1), SHORT).logprob is None
    assert ["logprobs" in request for request in server.requests] == [True, False, False]


def test_a_request_that_is_bad_anyway_teaches_nothing(server: OpenAIServer) -> None:
    server.fail(Status(400), times=2)
    with client(server) as model:
        with pytest.raises(ModelRefused):
            model.generate(conversation(1), SHORT)
        assert model.generate(conversation(1), SHORT).logprob is not None


def test_a_server_that_tells_no_usage_is_taken_at_the_bound(local: Model) -> None:
    prompt = conversation(1)
    server = OpenAIServer(local, usage=False, logprobs=False, fingerprint=None)
    with server, OpenAIModel("served", server.url) as model:
        reply = model.generate(prompt, SHORT)
        assert reply.tokens.prompt == model.most(prompt, SHORT).prompt
        assert reply.tokens.completion == 8
        assert (reply.logprob, reply.version) == (None, "served-2026")


def test_the_environment_says_where_and_with_which_key(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIModel("served") as model, pytest.raises(ModelRefused, match=r"no key for OpenAI\. Set OPENAI_API_KEY"):
        model.generate(conversation(1), SHORT)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    with OpenAIModel("served") as model, pytest.raises(ModelRefused, match="refuses the key"):
        model.generate(conversation(1), SHORT)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with OpenAIModel("served", extra={"reasoning_effort": "low"}) as model:
        assert model.generate(conversation(1), SHORT).text
        model.close()
        assert model.generate(conversation(1), SHORT).text
    assert server.requests[-1]["reasoning_effort"] == "low"


def test_the_users_chance_is_left_alone(server: OpenAIServer) -> None:
    random.seed(1)
    before = random.getstate()
    server.fail(Status(500), Close())
    with client(server) as model:
        model.generate(conversation(1), SHORT)
    assert random.getstate() == before


@pytest.mark.parametrize(
    "address", ["localhost:8000/v1", "ftp://localhost/v1", "http://", "http://me:secret@localhost/v1", "nonsense"]
)
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(UsageError) as raised:
        OpenAIModel("served", address).generate(conversation(1), SHORT)
    assert "secret" not in str(raised.value)


def test_options_that_are_none_are_said() -> None:
    for options in ({"timeout": 0}, {"timeout": float("nan")}, {"retries": -1}, {"price": "cheap"}):
        with pytest.raises(UsageError):
            OpenAIModel("served", **options)
    with pytest.raises(UsageError):
        OpenAIModel(" ")


# -- the key ------------------------------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """All that a traceback can show: messages, causes, notes, and the variables of our frames with their attributes."""
    pieces = []
    for one in (error, error.__cause__, error.__context__):
        if one is None:
            continue
        pieces += [str(one), repr(one), repr(one.args), repr(vars(one)), "".join(traceback.format_exception(one))]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if f"{os.sep}perdure{os.sep}" in frame.f_code.co_filename:
                for value in frame.f_locals.values():
                    pieces.append(repr(value))
                    pieces.append(repr(getattr(value, "__dict__", "")))
    return "\n".join(pieces)


FAULTS: list[Fault] = [
    Status(401, echo_key=True),
    Status(403, echo_key=True),
    Status(404, echo_key=True),
    Status(400, echo_key=True),
    Status(429, echo_key=True),
    Status(500, echo_key=True),
    Close(),
    Cut(),
    Hang(),
    Rubbish(f'{{"error": "{KEY}"}}'.encode()),
    Says(""),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__ + str(getattr(fault, "code", "")))
def test_the_key_is_in_no_error_and_no_log(
    server: OpenAIServer,
    fault: Fault,
    stream: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.fail(fault, times=3)
    with client(server, retries=1, timeout=1.0 if isinstance(fault, Hang) else 20.0) as model:
        with pytest.raises(NoAnswer) as raised:
            model.generate(conversation(1), SHORT, (lambda piece: None) if stream else None)
        assert raised.value.__context__ is None
        assert raised.value.__cause__ is None
        assert KEY not in shown(raised.value)
        assert KEY not in repr(model)
        assert KEY not in repr(vars(model))
        assert KEY.encode() not in pickle.dumps(raised.value)
    for record in caplog.records:
        assert KEY not in record.getMessage()
        assert KEY not in repr(vars(record))
    assert KEY not in "".join(capfd.readouterr())


def test_the_key_is_in_no_pickle(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with client(server, price="1/2", timeout=7.0) as model:
        model.generate(conversation(1), SHORT)
        data = pickle.dumps(model)
    assert KEY.encode() not in data
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pickle.loads(data) as again:
        assert (again.name, again.price, repr(again)) == (model.name, model.price, repr(model))
        assert again.generate(conversation(1), SHORT).text
    with pytest.raises(TypeError):
        pickle.dumps(model._key)


def test_a_wrong_option_shows_no_key() -> None:
    with pytest.raises(UsageError) as raised:
        OpenAIModel("served", api_key=KEY, timeout=-1)
    assert KEY not in shown(raised.value)
    with pytest.raises(UsageError) as raised:
        OpenAIModel("served", "http://", api_key=KEY).generate(conversation(1))
    assert KEY not in shown(raised.value)


def test_a_large_picture_is_within_the_bound() -> None:
    prompt = (Turn("user", (picture(1, 4_000, 3_000), "What is it?")),)
    known = {"gpt-4o": 85 + 170 * 4, "gpt-4.1-mini": 1536 * 1.62, "openai/gpt-4o-mini": 2833 + 5667 * 4}
    for name, tokens in known.items():
        most = OpenAIModel(name).most(prompt, SHORT)
        assert tokens <= most.prompt <= tokens + 500
        assert most.completion == 8
    assert OpenAIModel("anything").most(prompt, SHORT).prompt >= 16_384


def test_the_server_lists_its_models(server: OpenAIServer) -> None:
    import openai

    with openai.OpenAI(base_url=server.url, api_key=KEY) as plain:
        assert [model.id for model in plain.models.list()] == ["served"]
