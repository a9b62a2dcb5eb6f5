"""What a message tells one to do is what one types there, and it works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faces.conftest import Dead, Shell, is_sentence
from kernel.driver import Kernel
from perdure import __version__
from perdure.cli import main
from perdure.verbs.cot.commands import cot
from perdure.verbs.words import typed_here


def test_switching_to_a_commit_tells_how_to_go_there(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    first = kernel.log(2)[1]
    for name in (f"In[{first['execution_count']}]", first["id"][:8], "HEAD~1"):
        said = kernel.ok(f"%dart switch {name}").stderr
        assert is_sentence(said)
        advice = re.search(r"'(checkout [^']+)'", said)
        assert advice is not None
        kernel.ok(f"%dart {advice[1]}")
        assert kernel.value("x") == 1
        kernel.ok("%dart undo")


def test_a_name_that_no_branch_can_have_is_not_advised(kernel: Kernel, shell: Shell, dead: Dead) -> None:
    kernel.ok("x = 1")
    for name in ("In[4711]", "abcdef12", "'a b'"):
        for said in (kernel.ok(f"%dart switch {name}").stderr, shell("switch", name.strip("'")).err):
            assert is_sentence(said)
            assert "'branch NAME' starts one at HEAD" in said
    assert "'branch nope' starts one at HEAD" in kernel.ok("%dart switch nope").stderr
    kernel.ok("%dart branch nope", "%dart switch nope")


def test_redo_has_words_of_its_own(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2", "x = 3", "%dart undo 2")
    assert "There are only 2 undos to take back." in kernel.ok("%dart redo 4").stderr
    kernel.ok("%dart redo")
    assert "There is only 1 undo to take back." in kernel.ok("%dart redo 4").stderr
    assert kernel.value("x") == 2


def test_commands_are_named_as_one_types_them(kernel: Kernel, shell: Shell, dead: Dead, tmp_path: Path) -> None:
    assert "`%dart sessions`" in kernel.ok("%dart restore nope").stderr
    assert "`perdure sessions`" in shell("export", "nope", "file").err
    assert "`%cot log`" in kernel.ok(f"%cot show zz --cache {tmp_path / 'cot'}").stderr
    assert "`perdure cot log`" in shell("cot", "show", "zz", "--cache", str(tmp_path / "cot")).err
    assert "`%cot use --master big`" in kernel.ok(f"%cot use big --cache {tmp_path / 'cot'}").stderr
    assert "`perdure cot use --master big`" in shell("cot", "use", "big", "--cache", str(tmp_path / "cot")).err


def test_what_is_for_the_shell_alone_stays() -> None:
    assert typed_here("Run `perdure verify` now.", kernel=True) == "Run `%dart verify` now."
    repair = "Run `perdure verify --repair` to rebuild it."
    assert typed_here(repair, kernel=True) == repair
    assert typed_here("`perdure cot log` lists them.", kernel=True) == "`%cot log` lists them."


def test_help_and_version_at_every_level(kernel: Kernel, shell: Shell) -> None:
    groups = [[], ["cot"]]
    verbs = [[name] for name in main.commands if name != "cot"] + [["cot", name] for name in cot.commands]
    for words in groups + verbs:
        said = shell(*words, "-h")
        assert said.status == 0
        assert said.out == shell(*words, "--help").out
        assert "-h, --help" in said.out
    for words in groups:
        assert shell(*words, "--version").out == f"perdure {__version__}\n"
    for magic in ("%dart", "%cot"):
        assert kernel.ok(f"{magic} --version").stdout == f"perdure {__version__}\n"
        assert kernel.ok(f"{magic} -h").stdout == kernel.ok(f"{magic} --help").stdout
        assert kernel.ok(f"{magic} log -h").stdout == kernel.ok(f"{magic} log --help").stdout


def test_h_explains_a_verb_whose_help_was_asked_for_without_its_group(shell: Shell) -> None:
    for name, verb in [*main.commands.items(), *cot.commands.items()]:
        verb._help_option = None  # as in a new process
        verb.make_context(name, [], resilient_parsing=True).get_help()
    assert shell("log", "-h").status == 0
    assert shell("cot", "ask", "-h").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "gone.perdure"], "There is no file gone.perdure. Check its name"),
        (["import", "a-file/gone.perdure"], "a-file/gone.perdure can't be read"),
        (["import", "~nobody-of-that-name/a"], "There is no home folder for the ~ of ~nobody-of-that-name/a."),
        (
            ["export", "SESSION", "~nobody-of-that-name/a"],
            "There is no home folder for the ~ of ~nobody-of-that-name/a.",
        ),
        (["export", "SESSION", "gone/out.perdure"], "gone/out.perdure can't be written: No such file or directory."),
        (["export", "SESSION", "a-file/out.perdure"], "a-file/out.perdure can't be written: Not a directory."),
    ],
)
def test_a_file_that_can_not_be_used_is_named_and_not_the_store(
    shell: Shell, dead: Dead, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "a-file").touch()
    said = shell(*(dead.session if word == "SESSION" else word for word in words))
    assert said.status == 1
    assert is_sentence(said.err)
    assert message in said.err
    assert "store" not in said.err.lower()


def test_no_store_is_made_for_a_file_that_is_not_there(shell: Shell, tmp_path: Path) -> None:
    assert "There is no file gone" in shell("import", "gone", "--store", str(tmp_path / "new")).err
    assert not (tmp_path / "new").exists()
