"""Image questions in a real kernel with the embedded models: the answers are part of the session."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.conftest import start  # noqa: F401 - a fixture
from kernel.driver import Kernel

DRAW = """
from PIL import Image, ImageDraw
def disc(colour):
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((12, 12, 52, 52), colour)
    return image
red, blue = disc("red"), disc("blue")
"""


@pytest.fixture
def kernel(start: Callable[..., Kernel], tmp_path: Path, cache_folder: Path) -> Kernel:  # noqa: F811 - the fixture
    kernel = start(PERDURE_STORE=str(tmp_path / "store"), PERDURE_COT=str(cache_folder), HF_HUB_OFFLINE="1")
    kernel.load(tmp_path / "store")
    kernel.ok(DRAW)
    return kernel


@pytest.mark.slow
def test_a_question_its_answer_and_the_commit_that_asked(kernel: Kernel) -> None:
    assert kernel.value("[m for m in ('torch', 'chromadb', 'transformers') if m in __import__('sys').modules]") == []
    shown = kernel.ok("%cot ask -i red -o first What shape does the image contain?").text
    assert "demo model" in shown
    head = kernel.value("__import__('perdure').current().head")
    assert kernel.value("first.commit") == head
    assert kernel.value("first.text") in kernel.ok("%cot log --commit HEAD").text

    again = kernel.ok("%cot ask -i red -o second What shape does the image contain?").text
    assert "exact" in again
    assert kernel.value("(second.text == first.text, second.cost, second.entry == first.entry)") == (True, 0.0, True)

    # Undoing a cell takes the variable away, and not the answer.
    kernel.ok("%dart undo")
    assert kernel.value("'second' in globals()") is False
    assert kernel.value("'first' in globals()") is True
    listed = kernel.ok("%cot log --json").stdout
    assert json.loads(listed)[0]["source"] == "exact"

    # And after the kernel has been killed, the answer is there with the rest of the session.
    text = kernel.value("first.text")
    kernel.ok("__import__('perdure').current().flush()")
    kernel.kill()
    kernel.restart()
    kernel.ok("%load_ext perdure", "%dart restore")
    assert kernel.value("first.text") == text
    assert "exact" in kernel.ok("%cot ask -i red What shape does the image contain?").text


def test_a_typing_error_is_one_sentence_and_no_exception(kernel: Kernel) -> None:
    kernel.ok(
        "import pandas as pd\nframe = pd.DataFrame({'p': [red, blue], 'n': ['a', ''], 'spread_error': [0.1, 0.2]})"
    )
    for line, message in {
        "%cot aks -i red What?": "Did you mean 'ask'?",
        "%cot ask -i red": "The question is empty.",
        "%cot ask -i rde What is it?": "neither a variable nor a file 'rde'. Did you mean 'red'?",
        "%cot ask -i photograph What is it?": "neither a variable nor a file 'photograph'. Check the spelling",
        "%cot ask -i rde.png What is it?": "There is no file 'rde.png'",
        "%cot ask -i red -o class What is it?": "'class' is a word of Python's own",
        "%cot ask -i red -o In What is it?": "'In' is a name that IPython keeps",
        "%cot ask -i red --apprentice --master What is it?": "--apprentice and --master ask different models",
        "%cot ask -i red --apprentice --fresh What is it?": "--apprentice and --fresh ask different models",
        "%cot ask -i red --choices one What is it?": "at least two different options",
        "%cot ask -i red Is it {what}?": "There is no variable 'what'",
        "%cot map nothing -i p What?": "There is no variable 'nothing'",
        "%cot map fram -i p What?": "There is no variable 'fram'. Did you mean 'frame'?",
        "%cot map frame -i p": "The question is empty.",
        "%cot map frame -i p --master --apprentice What?": "--apprentice and --master ask different models",
        "%cot map frame -i p --where frame.n What?": "and this gives a column of str",
        "%cot map frame -i p --where frame.p What?": "and this gives a column of Image",
        "%cot map frame -i p --where True What?": "and this gives a bool",
        "%cot map frame -i p --where [True] What?": "1 values for 2 rows",
        "%cot map frame -i p -o p What?": "The column 'p' of frame is there already",
        "%cot map frame -i p -o n What?": "The column 'n' of frame is there already",
        "%cot map frame -i p -o spread What?": "The column 'spread_error' of frame is there already",
        "%cot map red -i p What?": "not a DataFrame",
        "%cot show 123": "No answer has the id",
        "%cot use --master embedded:mastr": "Did you mean embedded:master?",
        "%cot price embedded:master cheap": "is no price",
    }.items():
        result = kernel.run(line)
        assert result.status == "ok", line
        assert message in result.stderr, f"{line}: {result.text}"
        assert result.stderr.count("\n") == 1, result.stderr


def test_the_question_mark_belongs_to_the_question_and_help_is_still_help(kernel: Kernel) -> None:
    kernel.ok("from IPython import get_ipython\nsee = get_ipython().transform_cell")
    assert "run_line_magic('cot'" in kernel.value("see('%cot ask -i red What is it?')")
    assert "run_line_magic('cot'" in kernel.value(r"see('%cot ask -i red What\\\n is it?')")
    assert "pinfo" in kernel.value("see('%cot?')")
    text = kernel.value("see(\"s = '''\\n%cot ask a b?\\n'''\")")
    assert ast.literal_eval(text.removeprefix("s = ").strip()) == "\n%cot ask a b?\n"


def test_a_map_puts_a_column_into_the_frame(kernel: Kernel) -> None:
    kernel.ok("import pandas as pd\nframe = pd.DataFrame({'p': [red, blue, red]})")
    shown = kernel.ok("%cot map frame -i p -o shape --apprentice What shape does the image contain?")
    assert "frame['shape'] has the answers of 3 rows (2 apprentice, 1 exact), for $0." in shown.stdout
    assert kernel.value("list(frame.shape)") == [3, 2]
    assert kernel.value("bool(frame['shape'][0] == frame['shape'][2])") is True


@pytest.mark.slow
def test_a_column_of_answers_is_filled_again_and_another_one_only_when_told(kernel: Kernel) -> None:
    ask = "What shape does the image contain?"
    kernel.ok("import pandas as pd\nframe = pd.DataFrame({'p': [red, blue], 'n': ['a', None]})")
    kernel.ok(f"%cot map frame -i p -o shape --apprentice --where frame.n.notna() {ask}")
    assert kernel.value("list(frame['shape'].isna())") == [False, True]
    assert "answers of 2 rows" in kernel.ok(f"%cot map frame -i p -o shape --apprentice {ask}").stdout
    assert kernel.value("list(frame['shape'].isna())") == [False, False]
    # So it is in the kernel in which the session is restored.
    kernel.flush()
    kernel.restart()
    kernel.ok("%load_ext perdure", "%dart restore")
    assert "answers of 2 rows" in kernel.ok(f"%cot map frame -i p -o shape --apprentice {ask}").stdout
    # Another frame's column of that name is another column.
    kernel.ok("other = frame.copy()")
    assert "is there already" in kernel.ok(f"%cot map other -i p -o shape --apprentice {ask}").stderr
    assert "answers of 2 rows" in kernel.ok(f"%cot map other -i p -o shape --replace --apprentice {ask}").stdout
    assert kernel.value("list(other.columns)") == ["p", "n", "shape"]


def test_the_running_configuration_is_followed(kernel: Kernel) -> None:
    """Also once questions have been asked: a budget that does nothing would be dear."""
    kernel.ok("%cot stats")
    kernel.ok("get_ipython().config.Cot.delta = 0")
    assert "Near matches are off." in kernel.ok("%cot audit").text
    kernel.ok("get_ipython().config.Cot.delta = 0.02")
    assert "Near matches are off." not in kernel.ok("%cot audit").text
    kernel.ok("%cot price embedded:master 1000000/1000000", "get_ipython().config.Cot.budget = '0.001/question'")
    assert "is left for this question" in kernel.run("%cot ask -i blue --master --fresh What shape is it?").text
    kernel.ok("get_ipython().config.Cot.budget = 'lots'")
    assert "'lots' is no budget" in kernel.run("%cot stats").text
    kernel.ok("get_ipython().config.Cot.budget = ''", "%cot price embedded:master 0/0")
    assert "no budget" not in kernel.ok("%cot stats").text


def test_settings_are_where_config_finds_them(kernel: Kernel) -> None:
    assert "Cot.delta" in kernel.ok("%config Cot").text
    kernel.ok("%config Cot.delta = 0")
    assert "Near matches are off." in kernel.ok("%cot audit").text
    kernel.ok("get_ipython().config.Cot.keep_images = 'everything'")
    said = kernel.run("%cot stats")
    assert "fault in perdure" not in said.stderr
