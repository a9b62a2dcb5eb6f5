"""An answer as people see it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cot.pictures import encoded, scene
from perdure.cot.answer import Answer, Example, Source, Tokens
from perdure.cot.faces.display import duration, html, kept, money, plain
from perdure.cot.faces.panel import widget
from perdure.cot.picture import Picture
from perdure.errors import ModelUnavailable

ANSWER = Answer(
    text="The answer is Cat",
    value="Cat",
    source=Source.MASTER,
    confidence=0.98,
    id="ask1",
    entry="entry1",
    model="openai:large",
    model_version="2026-08",
    prompt_version="1",
    question="Which animal is this?",
    pictures=("key1",),
    examples=(Example("entry2", "Which animal?", "dog", 0.91),),
    tokens=Tokens(1234, 17),
    cost=0.0042,
    latency=1.25,
    reasoning="It has whiskers.",
    why="The apprentice wasn't sure enough.",
)
BAD = '</div></details><script>alert(1)</script><img src=x onerror="alert(1)">\'"&amp;'


class Reader(HTMLParser):
    """The tags, attributes and words of a piece of HTML, which must be well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


TAGS = {"div", "span", "pre", "details", "summary", "ul", "li", "bdi", "img"}


def test_it_says_everything() -> None:
    read = Reader(html(ANSWER))
    for words in (
        "Which animal is this?",
        "Cat",
        "master",
        "$0.0042",
        "1.2 s",
        "confidence 98%",
        "wasn't sure",
        "whiskers",
        "dog",
        "0.91",
        "openai:large 2026-08",
        "1,234 in, 17 out",
        "The answer is Cat",
        "ask1",
        "1 picture, not kept",
    ):
        assert words in read.words
    assert "demo" not in read.words
    assert set(read.tags) <= TAGS
    assert "details" in read.tags


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source.EXACT, "exact hit"),
        (Source.NEAR, "near match"),
        (Source.APPRENTICE, "apprentice"),
        (Source.MASTER, "master"),
    ],
)
def test_the_badge_says_in_words_who_answered(source: Source, words: str) -> None:
    answer = replace(ANSWER, source=source)
    assert words in Reader(html(answer)).words
    assert words in plain(answer)


def test_an_embedded_model_is_called_a_demo() -> None:
    answer = replace(ANSWER, model="embedded:master")
    assert "demo model" in Reader(html(answer)).words
    assert "demo model" in plain(answer)


FIELDS = ["text", "value", "question", "model", "model_version", "prompt_version", "id", "reasoning", "why"]


@pytest.mark.parametrize("field", FIELDS)
def test_html_in_any_field_is_shown_as_text(field: str) -> None:
    read = Reader(html(replace(ANSWER, **{field: BAD})))
    assert set(read.tags) <= TAGS
    assert BAD in read.words
    assert not any(name.startswith("on") for name, _ in read.attributes)


def test_html_in_examples_and_in_json_is_shown_as_text() -> None:
    answer = replace(ANSWER, value={BAD: [BAD]}, examples=(Example(BAD, BAD, BAD, 0.5),), pictures=(BAD,), cache=BAD)
    read = Reader(html(answer))
    assert set(read.tags) <= TAGS
    assert read.words.count("<script>") >= 4


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.text()),
    st.sampled_from([None, 3, 2.5, True, [], {"a": "<b>"}, float("nan")]),
)
def test_any_text_gives_well_formed_html_and_few_plain_lines(fields: dict[str, str], value: object) -> None:
    answer = replace(ANSWER, **{"value": value, **fields})
    read = Reader(html(answer))
    assert set(read.tags) <= TAGS
    read.words.encode()
    shown = plain(answer)
    assert 1 <= len(shown.splitlines()) <= 3
    shown.encode()
    assert all(each.isprintable() or each in "\n\ufffd" or not each.isascii() for each in shown)


def test_a_terminal_is_sent_no_control_characters_and_no_turned_text() -> None:
    answer = replace(ANSWER, value="\x1b[2J\x07ca\u202et\r\n\x9b31mred")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", plain(answer))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", html(answer))


def test_the_plain_form() -> None:
    assert plain(ANSWER).splitlines() == [
        "Cat",
        "  master · openai:large · $0.0042 · 1.2 s · confidence 98%",
        "  The apprentice wasn't sure enough.",
    ]
    assert plain(replace(ANSWER, value={"n": 1}, why="", confidence=None)).splitlines()[0] == '{"n": 1}'
    assert plain(replace(ANSWER, text="", value=None)).startswith("(nothing)")
    assert plain(replace(ANSWER, value=False)).startswith("no\n")


def test_a_long_answer_is_cut() -> None:
    shown = html(replace(ANSWER, text="x" * 1_000_000, value="x" * 1_000_000, question="y" * 20_000))
    assert len(shown) < 20_000
    assert "characters more" in shown


def test_colours_are_jupyters_with_fallbacks() -> None:
    for source in Source:
        shown = html(replace(ANSWER, source=source))
        assert re.findall(r"var\(--(?!jp-)", shown) == []
        assert re.findall(r"var\([^,)]*\)", shown) == []
        outside = re.sub(r"var\(--jp-[^()]*(?:\([^()]*\))?[^()]*\)", "", shown)
        assert re.findall(r"#[0-9a-f]{3,6}\b|rgb", outside) == []


def test_money_and_time_read_well() -> None:
    assert [money(each) for each in (0, 0.00001, 0.00042, 0.5, 1234.5)] == [
        "no cost",
        "under $0.0001",
        "$0.00042",
        "$0.5",
        "$1,234.50",
    ]
    assert [duration(each) for each in (0.0031, 0.61, 12.34)] == ["3.1 ms", "610 ms", "12.3 s"]


# -- pictures --------------------------------------------------------------------------------------------------------


def test_thumbnails() -> None:
    thumbnail = Picture(scene()).thumbnail()
    shown = html(replace(ANSWER, pictures=("a", "b", "c", "d", "e")), lambda key: thumbnail)
    assert shown.count("data:image/png;base64,") == 4
    assert "and 1 more" in Reader(shown).words
    assert "data:image/jpeg" in html(ANSWER, lambda key: encoded(scene(), "JPEG"))


def test_what_is_no_picture_is_not_shown_as_one() -> None:
    def failing(key: str) -> bytes | None:
        raise OSError(key)

    for thumbnail in (failing, lambda key: None, lambda key: b"", lambda key: b"<svg onload='alert(1)'/>"):
        assert "img" not in Reader(html(ANSWER, thumbnail)).tags


def test_thumbnails_come_from_the_cache_as_long_as_it_is_there(tmp_path: Path) -> None:
    from perdure.cot.cache import Cache

    folder = tmp_path / "cache"
    picture = Picture(scene())
    with Cache.open(folder) as cache:
        cache.keep_pictures([picture])
    answer = replace(ANSWER, pictures=(picture.key,), cache=str(folder))
    assert kept(answer)(picture.key) == picture.thumbnail()
    assert "img" in Reader(html(answer)).tags
    (tmp_path / "empty").mkdir()
    for gone in (tmp_path / "gone", tmp_path / "empty"):
        assert "img" not in Reader(html(replace(answer, cache=str(gone)))).tags
    assert not (tmp_path / "gone").exists()
    assert list((tmp_path / "empty").iterdir()) == []
    for file in folder.iterdir():
        if file.is_file():
            file.write_bytes(b"rubbish" * 1000)
    assert "not kept" in Reader(html(answer)).words


def test_an_answer_shows_itself() -> None:
    assert ANSWER._repr_html_() == html(ANSWER)
    assert str(ANSWER) == ANSWER.text


# -- the widget ------------------------------------------------------------------------------------------------------


def test_the_buttons_act_and_say_what_went_wrong() -> None:
    pytest.importorskip("ipywidgets")
    better = replace(ANSWER, value="Lynx")
    asked: list[str] = []

    def ask() -> Answer:
        asked.append("master")
        return better

    def wrong() -> None:
        raise ModelUnavailable("The model is <b>down</b>. Try later.")

    def examples() -> None:
        raise KeyError("no such thing")

    made = widget(ANSWER, ask, wrong, examples)
    assert made is not None
    shown, row, note, _ = made.children
    assert "Lynx" not in shown.value
    row.children[0].click()
    assert asked == ["master"]
    assert "Lynx" in shown.value
    row.children[1].click()
    assert "The model is &lt;b&gt;down&lt;/b&gt;. Try later." in note.value
    row.children[2].click()
    assert "KeyError" in note.value
    row.children[0].click()
    assert note.value == ""
    assert not any(button.disabled for button in row.children)


def test_an_action_is_not_started_twice() -> None:
    pytest.importorskip("ipywidgets")
    count = 0

    def ask() -> None:
        nonlocal count
        count += 1
        made.children[1].children[0].click()

    made: Any = widget(ANSWER, ask, ask, ask)
    made.children[1].children[0].click()
    assert count == 1


def test_without_ipywidgets_there_is_no_widget() -> None:
    source = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from perdure.cot.faces.panel import widget\n"
        "from perdure.cot.answer import Answer, Source\n"
        "answer = Answer('x', 'x', Source.MASTER, None, 'i', None, 'm', 'v', '1', 'q')\n"
        "print(widget(answer, None, None, None))"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert ran.stdout == "None\n", ran.stderr


@pytest.fixture
def kernel() -> Iterator[Any]:
    manager_module = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipywidgets")
    manager, client = manager_module.start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_click_in_a_real_kernel_updates_the_widget(kernel: Any) -> None:
    source = """
from perdure.cot.answer import Answer, Source
from perdure.cot.faces.panel import widget
answer = Answer('x', 'x', Source.MASTER, None, 'i', None, 'm', 'v', '1', 'q')
def ask():
    print("asking")
    return Answer('y-lynx', 'y-lynx', Source.MASTER, None, 'i', None, 'm', 'v', '1', 'q')
def fail():
    raise ValueError("mended by nobody")
made = widget(answer, ask, fail, lambda: None)
print(" ".join(button.comm.comm_id for button in made.children[1].children))
"""
    ids: list[str] = []
    reply = kernel.execute_interactive(
        source,
        timeout=60,
        output_hook=lambda m: ids.extend(m["content"].get("text", "").split()) if m["msg_type"] == "stream" else None,
    )
    assert reply["content"]["status"] == "ok"
    for button, wanted in ((0, "y-lynx"), (1, "mended by nobody")):
        content = {"comm_id": ids[button], "data": {"method": "custom", "content": {"event": "click"}}}
        kernel.shell_channel.send(kernel.session.msg("comm_msg", content))
        values = ""
        while wanted not in values:
            message = kernel.get_iopub_msg(timeout=30)
            if message["msg_type"] == "comm_msg":
                values += str(message["content"]["data"].get("state", {}).get("value", ""))
