"""Models by name, prices as users write them, and what `setup` finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cot.checkpoints import llava, saved
from cot.openai_server import OpenAIServer, Rubbish, Says
from perdure.cot.models import names, setup
from perdure.cot.models.model import Model, Price
from perdure.cot.models.names import model
from perdure.cot.models.openai_model import OpenAIModel
from perdure.cot.models.prices import FREE, known, parse, price, spelled
from perdure.cot.models.setup import Found, Kind, find, try_one
from perdure.cot.models.transformers_model import TransformersModel
from perdure.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("models") / "llava", llava)


@pytest.fixture
def shipped(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of embedded models with an apprentice, and an encoder that is no model."""
    shutil.copytree(folder, tmp_path / "embedded" / "apprentice")
    (tmp_path / "embedded" / "encoder").mkdir()
    (tmp_path / "embedded" / "encoder" / "model.safetensors").touch()
    monkeypatch.setattr(names, "EMBEDDED", tmp_path / "embedded")
    return tmp_path / "embedded"


def test_a_name_makes_a_model(folder: Path) -> None:
    local = model(f"transformers:{folder}", price="1/2", device="cpu")
    assert isinstance(local, TransformersModel)
    assert (local.name, local.price) == (f"transformers:{folder}", Price(1.0, 2.0))
    hosted = model(" openai:maker/model:7b ", base_url="http://127.0.0.1:1/v1", api_key="sk-x")
    assert isinstance(hosted, OpenAIModel)
    assert (hosted.name, hosted.price) == ("openai:maker/model:7b", None)
    assert "sk-x" not in repr(vars(hosted))


def test_none_is_no_model() -> None:
    assert model("none") is None
    assert model(None) is None


def test_an_object_that_answers_is_a_model(folder: Path) -> None:
    local = TransformersModel(folder)
    assert model(local) is local
    with pytest.raises(UsageError, match=r"A int is no model\. Give a name"):
        model(3)


def test_embedded_models_cost_nothing(shipped: Path) -> None:
    embedded = model("embedded:apprentice")
    assert isinstance(embedded, TransformersModel)
    assert (embedded.name, embedded.price) == ("embedded:apprentice", FREE)
    assert names.embedded() == ["embedded:apprentice"]
    with embedded:
        assert try_one(embedded).answered


def test_the_package_s_own_models_are_where_names_looks() -> None:
    assert Path(names.__file__).parents[1] / "embedded" == names.EMBEDDED


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("opena:gpt-5", "'opena:gpt-5' names no model. Did you mean openai:gpt-5?"),
        ("Transformers:x/y", "'Transformers:x/y' names no model. Did you mean transformers:x/y?"),
        ("transformer:./model", "'transformer:./model' names no model. Did you mean transformers:./model?"),
        ("embeded:master", "'embeded:master' names no model. Did you mean embedded:master?"),
        ("non", "'non' names no model. Did you mean none?"),
        ("openai", "'openai' doesn't say which model. Write openai:MODEL."),
        ("transformers: ", "'transformers: ' doesn't say which model. Write transformers:PATH_OR_ID."),
        ("embedded:aprentice", "No model 'embedded:aprentice' comes with perdure. Did you mean embedded:apprentice?"),
        ("embedded:encoder", "No model 'embedded:encoder' comes with perdure. There are: embedded:apprentice."),
        ("embedded:../llava", "No model 'embedded:../llava' comes with perdure. There are: embedded:apprentice."),
        (
            "gpt-5",
            "'gpt-5' names no model. Write transformers:PATH_OR_ID, openai:MODEL, openai:MODEL@URL, embedded:apprentice, embedded:master or none.",
        ),
    ],
)
@pytest.mark.usefixtures("shipped")
def test_a_typo_gets_one_sentence_with_what_was_meant(named: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        model(named)
    assert str(raised.value) == message


def test_an_option_that_isnt_there_is_said_without_the_key() -> None:
    with pytest.raises(UsageError, match=r"kind 'openai' has no option 'colour'\. Leave it out") as raised:
        model("openai:gpt-5", colour="red", api_key="sk-x")
    assert raised.value.__context__ is None
    frames = raised.traceback[1:]
    assert frames
    assert all("sk-x" not in repr(frame.locals) for frame in frames)


# -- prices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5/10", Price(2.5, 10.0)),
        (" $2.50 / $10 ", Price(2.5, 10.0)),
        ("0.002/call", Price(call=0.002)),
        (".15/.6+0.01/call", Price(0.15, 0.6, 0.01)),
        ("0.01/call + 3/15", Price(3.0, 15.0, 0.01)),
        ("0", FREE),
        ("$0", FREE),
        ("free", FREE),
    ],
)
def test_a_price_is_read_and_spelled(text: str, expected: Price) -> None:
    assert parse(text) == expected
    assert parse(spelled(expected)) == expected
    assert price(text) == price(expected) == expected


@pytest.mark.parametrize(
    "text",
    ["", "cheap", "2.5", "2.5/10/3", "-1/2", "nan/1", "1/inf", "1/2 + 3/4", "1/call+2/call", "1/question", "1e9/2"],
)
def test_what_is_no_price_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"\. Write dollars for a million tokens in and out, such as 2\.5/10"):
        parse(text)


def test_a_price_that_cant_be_is_said() -> None:
    for wrong in (Price(-1.0), Price(call=float("nan")), Price(completion=float("inf"))):
        with pytest.raises(UsageError, match="price can't be"):
            price(wrong)


def test_an_unknown_price_is_not_guessed() -> None:
    said = {"openai:gpt-5": Price(1.0, 2.0), "embedded:master": Price(call=1.0)}
    assert known("openai:gpt-5", said) == Price(1.0, 2.0)
    assert known("openai:gpt-5-mini", said) is None
    assert known("embedded:apprentice", said) == FREE
    assert known("embedded:master", said) == Price(call=1.0)
    assert spelled(None) == "unknown"


# -- what there is ------------------------------------------------------------------------------------------------


def test_keys_are_found_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "embedded", list)
    environment = {"OPENAI_API_KEY": "sk-1", "GROQ_API_KEY": "sk-2", "MISTRAL_API_KEY": "", "HF_HOME": "/nowhere"}
    found = find(environment, {})
    assert [(one.kind, one.name) for one in found] == [(Kind.KEY, "OPENAI_API_KEY"), (Kind.KEY, "GROQ_API_KEY")]
    assert found[0].base_url is None
    assert found[1].base_url == "https://api.groq.com/openai/v1"
    assert "sk-" not in repr(found)


def test_servers_on_this_machine_are_found_and_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "embedded", list)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with TransformersModel(folder) as local, OpenAIServer(local) as server, OpenAIServer(local, key="sk") as locked:
        ports = {server.port: "vLLM", locked.port: "Ollama", 9: "LM Studio"}
        found = find({"HF_HOME": "/nowhere"}, ports)
        address = f"http://127.0.0.1:{server.port}/v1"
        assert found == [Found(Kind.SERVER, "openai:served", f"on port {server.port}, as vLLM's", address)]
        there = model(found[0].name, base_url=found[0].base_url)
        assert there is not None
        tried = try_one(there)
        assert tried.answered
        assert tried.text == try_one(local).text
        assert tried.seconds > 0
        assert len(server.requests[0]["messages"][0]["content"]) == 2
        server.fail(Says(""))
        tried = try_one(there)
        assert not tried.answered
        assert "empty reply" in tried.text


def test_a_program_that_is_no_model_server_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "embedded", list)

    class Other(OpenAIServer):
        def __init__(self, body: bytes) -> None:
            super().__init__(None)
            self.body = body

    import cot.openai_server as module

    def rubbish(self: Any) -> None:
        self._bytes(200, self.ours.body)

    monkeypatch.setattr(module._Handler, "do_GET", rubbish)
    for body in (b"<html>", b"[]", b'{"data": 3}', b'{"data": [1]}', b"null", Rubbish().body):
        with Other(body) as server:
            assert find({"HF_HOME": "/nowhere"}, {server.port: "vLLM"}) == []


def test_checkpoints_in_the_hubs_cache_are_found(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "embedded", list)
    hub = tmp_path / "hub"
    for name in ("maker/sees", "maker/half", "maker/reads"):
        snapshot = hub / f"models--{name.replace('/', '--')}" / "snapshots" / ("0" * 40)
        shutil.copytree(folder, snapshot)
        if name == "maker/half":
            (snapshot / "model.safetensors").unlink()
        if name == "maker/reads":
            settings = json.loads((snapshot / "config.json").read_text())
            (snapshot / "config.json").write_text(json.dumps(settings["text_config"]))
    expected = [Found(Kind.CHECKPOINT, "transformers:maker/sees", "in the hub's cache")]
    assert find({"HF_HOME": str(tmp_path)}, {}) == expected
    assert find({"HF_HUB_CACHE": str(hub)}, {}) == expected
    assert find({"XDG_CACHE_HOME": str(tmp_path)}, {}) == []


def test_the_embedded_models_come_first(shipped: Path) -> None:
    found = find({"HF_HOME": "/nowhere"}, {})
    assert [(one.kind, one.name) for one in found] == [(Kind.EMBEDDED, "embedded:apprentice")]


def test_all_models_are_models(folder: Path) -> None:
    made: list[Model] = [TransformersModel(folder), OpenAIModel("x", "http://127.0.0.1:1/v1")]
    for one in made:
        for member in ("name", "version", "price", "generate", "most", "close"):
            assert hasattr(one, member)
        one.close()
        one.close()
