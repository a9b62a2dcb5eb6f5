"""Every verb from a shell, on the session of a kernel that has died."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faces.conftest import CELLS, Dead, Shell, is_sentence
from kernel.driver import Kernel
from perdure.store import Store


def test_log_json_is_a_list_of_commits_and_nothing_else(shell: Shell, dead: Dead) -> None:
    said = shell("log", "--json", "-n", str(len(CELLS)))
    assert said.data == dead.commits[::-1]
    assert set(said.data[0]) >= {
        "id", "parent", "source", "execution_count", "outcome", "started", "duration", "changed", "deleted",
        "not_captured", "bytes_added",
    }  # fmt: skip
    assert said.err == ""


def test_log_has_a_line_for_each_commit(shell: Shell, dead: Dead) -> None:
    shell("tag", "good", "HEAD~3")
    lines = shell("log", "-n", "5").out.splitlines()
    assert [line[:8] for line in lines] == [commit["id"][:8] for commit in dead.commits[::-1]]
    assert "error" in lines[0]
    assert "(HEAD -> main) 1 / 0" in lines[0]
    assert "-z" in lines[1]
    assert "!lock" in lines[2]
    assert "(tag: good) x.append(3)" in lines[3]
    assert f"[{dead.commits[0]['execution_count']}]" in lines[4]
    assert all(len(line) <= 100 for line in lines)


def test_log_is_limited_and_searched(shell: Shell, dead: Dead) -> None:
    assert len(shell("log", "--json", "-n", "2").data) == 2
    assert [commit["source"] for commit in shell("log", "--json", "--var", "x").data] == [CELLS[1], CELLS[0]]
    assert [commit["source"] for commit in shell("log", "--json", "--grep", "APPEND").data] == [CELLS[1]]
    assert shell("log", "--json", "HEAD~3").data[0]["source"] == CELLS[1]


def test_show_gives_code_and_previews(shell: Shell, dead: Dead) -> None:
    cell = f"In[{dead.commits[1]['execution_count']}]"
    text = shell("show", cell).out
    assert text.startswith(f"commit {dead.commits[1]['id']}")
    assert "    x.append(3)" in text
    assert "[1, 2, 3]" in text
    shown = shell("show", cell, "--json").data
    assert shown["previews"]["x"]["repr"] == "[1, 2, 3]"
    assert {key: shown[key] for key in dead.commits[1]} == dead.commits[1]
    assert "cannot pickle" in shell("show", dead.commits[2]["id"][:10]).out
    assert "ZeroDivisionError" in shell("show").out


def test_diff_tells_how_values_differ(shell: Shell, dead: Dead) -> None:
    text = shell("diff", "HEAD~4", "HEAD~3").out
    assert "x: 1 item added" in text
    assert "z" not in text.split("\n\n")[1]
    assert "z: deleted" in shell("diff", "HEAD~2", "--var", "z").out
    assert "no difference" in shell("diff").out
    found = shell("diff", "HEAD~4", "--json").data
    assert (found["before"], found["after"]) == (dead.commits[0]["id"], dead.commits[-1]["id"])
    assert {each["name"]: each["kind"] for each in found["differences"]} == {
        "lock": "not captured", "threading": "added", "x": "changed", "y": "changed", "z": "deleted",
    }  # fmt: skip


def test_blame_names_the_commit_that_last_changed_a_name(shell: Shell, dead: Dead) -> None:
    assert shell("blame", "x", "--json").data == dead.commits[1]
    assert shell("blame", "z").out.startswith(dead.commits[3]["id"][:8])


def test_status_of_a_dead_session(shell: Shell, dead: Dead) -> None:
    found = shell("status", "--json").data
    assert found["session"] == dead.session
    assert (found["head"], found["branch"], found["behind"]) == (dead.commits[-1]["id"], "main", 0)
    assert (found["live"], found["owner"], found["durable"], found["trouble"]) == (False, None, True, None)
    assert found["last"] == dead.commits[-1]
    assert found["store"] == str(dead.store)
    assert found["store_size"] > 0
    assert list(found["not_captured"]) == ["lock"]
    text = shell("status").out
    assert dead.session in text
    assert "lock: " in text
    assert "no kernel" in text


def test_undo_and_redo_move_head_for_the_next_restore(shell: Shell, dead: Dead, kernel: Kernel) -> None:
    said = shell("undo", "3")
    assert f"%dart restore {dead.session}" in said.out
    assert shell("status", "--json").data["behind"] == 3
    assert shell("redo", "--json").data["head"] == dead.commits[2]["id"]
    assert shell("undo", "--json").data["head"] == dead.commits[1]["id"]
    kernel.ok(f"%dart restore {dead.session} --store {dead.store}")
    assert kernel.state("x", "z") == {"x": [1, 2, 3], "z": 5}


def test_undo_and_redo_have_an_end(shell: Shell, dead: Dead) -> None:
    assert "nothing to redo" in shell("redo").err
    count = len(shell("log", "--json", "-n", "100").data)
    assert f"{count - 1} steps at most" in shell("undo", "100").err
    shell("undo", str(count - 1))
    assert "nothing to undo" in shell("undo").err
    assert shell("redo", str(count - 1), "--json").data["head"] == dead.commits[-1]["id"]


def test_checkout_branch_switch_and_tag(shell: Shell, dead: Dead) -> None:
    assert shell("tag", "--json").data == []
    assert shell("tag").out == "No tags.\n"
    shell("tag", "good", "HEAD~3")
    assert shell("tag", "--json").data == [{"name": "good", "commit": dead.commits[1]["id"], "current": False}]
    assert shell("checkout", "good", "--json").data["head"] == dead.commits[1]["id"]
    shell("branch", "try")
    listed = shell("branch").out.splitlines()
    assert listed[0].startswith("*  main")
    assert listed[1].split()[0] == "try"
    assert shell("switch", "try", "--json").data == {
        "session": dead.session, "head": dead.commits[1]["id"], "branch": "try",
    }  # fmt: skip
    assert [(each["name"], each["current"]) for each in shell("branch", "--json").data] == [
        ("main", False),
        ("try", True),
    ]
    shell("switch", "main")
    assert [each["name"] for each in shell("branch", "--delete", "try", "--json").data] == ["main"]
    assert shell("tag", "--delete", "good", "--json").data == []


def test_get_prints_the_value(shell: Shell, dead: Dead) -> None:
    assert shell("get", "x").out == "[1, 2, 3]\n"
    found = shell("get", f"x@In[{dead.commits[0]['execution_count']}]", "--json").data
    assert (found["name"], found["commit"], found["preview"]["repr"]) == ("x", dead.commits[0]["id"], "[1, 2]")


def test_sessions(shell: Shell, dead: Dead) -> None:
    (found,) = shell("sessions", "--json").data
    assert (found["id"], found["head"], found["branch"]) == (dead.session, dead.commits[-1]["id"], "main")
    assert (found["trusted"], found["owner"], found["current"]) == (True, None, False)
    assert shell("sessions").out.startswith(dead.session)
    assert shell("sessions", "--delete", dead.session[:6], "--json").data == []


def test_sessions_of_a_store_that_is_not_there_yet(shell: Shell) -> None:
    assert shell("sessions", "--json").data == []
    assert "no store" in shell("sessions").out


def test_a_session_is_chosen_by_prefix_notebook_or_folder(shell: Shell, dead: Dead, tmp_path: Path) -> None:
    with Store.open(dead.store) as store:
        store.update_session(dead.session, notebook=str(tmp_path / "mine.ipynb"))
        other = store.create_session(notebook="/elsewhere/other.ipynb", meta={}).id
    for named in (dead.session[:5], "mine.ipynb", str(tmp_path / "mine.ipynb")):
        assert shell("status", "--json", "--session", named).data["session"] == dead.session
    assert shell("status", "--json").data["session"] == dead.session
    assert shell("status", "--json", "--session", other).data["head"] is None
    assert "no commit yet" in shell("status", "--session", other).out
    assert shell("log", "--session", other).out == "No commits.\n"


def test_export_import_trust_and_restore_elsewhere(
    shell: Shell, dead: Dead, tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, elsewhere = tmp_path / "mine.perdure", str(tmp_path / "elsewhere")
    done = shell("export", dead.session, str(file), "--json").data
    assert done["bytes"] == file.stat().st_size
    assert is_sentence(shell("export", dead.session, str(file)).err)
    assert shell("export", dead.session, str(file), "--force").status == 0
    own = shell("import", str(file), "--store", str(tmp_path / "own"), "--json").data
    assert (own["session"], own["trusted"]) == (dead.session, True)  # one's own file needs no saying

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "somebody else"))
    came = shell("import", str(file), "--store", elsewhere, "--json").data
    assert (came["session"], came["commits"], came["trusted"]) == (dead.session, done["commits"], False)
    again = shell("import", str(file), "--store", elsewhere, "--json").data
    assert (again["commits"], again["chunks"]) == (0, 0)
    assert shell("log", "--store", elsewhere, "--json", "-n", "5").data == dead.commits[::-1]
    assert "not trusted" in shell("sessions", "--store", elsewhere).out

    refused = kernel.ok(f"%dart restore --store {elsewhere}")
    assert is_sentence(refused.stderr)
    assert kernel.session_id == kernel.session("id")
    assert is_sentence(shell("get", "x", "--store", elsewhere).err)
    assert shell("trust", dead.session[:6], "--store", elsewhere).out == f"Session {dead.session} is trusted now.\n"
    assert shell("get", "x", "--store", elsewhere).out == "[1, 2, 3]\n"
    kernel.ok(f"%dart restore --store {elsewhere}")
    assert kernel.value("y[0] is x and y[1] is x and x == [1, 2, 3]")


def test_verify_and_repair(shell: Shell, dead: Dead) -> None:
    assert shell("verify", "--json").data["ok"] is True
    assert "as it was written" in shell("verify").out
    (dead.store / "catalog.db").write_bytes(b"nonsense" * 2000)
    for suffix in ("-wal", "-shm"):
        (dead.store / f"catalog.db{suffix}").unlink(missing_ok=True)
    refused = shell("log")
    assert is_sentence(refused.err)
    assert "perdure verify --repair" in refused.err
    assert shell("verify", "--repair", "--json").data["commits"] >= len(CELLS)
    assert shell("log", "--json", "-n", "5").data == dead.commits[::-1]


def test_verify_names_the_damage(shell: Shell, dead: Dead) -> None:
    pack = max((dead.store / "packs").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    said = shell("verify")
    assert said.status == 1
    assert pack.stem in said.out
    said = shell("verify", "--json")
    assert said.status == 1
    assert said.data["ok"] is False
    assert said.data["findings"]


def test_gc_drops_what_nothing_reaches(shell: Shell, kernel: Kernel) -> None:
    kernel.ok("import os\nx = [1]", "big = os.urandom(300_000)", "%dart branch old HEAD~1", "%dart switch old")
    kernel.ok("%unload_ext perdure")  # and so the session is not open any more
    here = ["--store", str(kernel.store), "--json"]
    shell("branch", "--delete", "main", "--session", kernel.session_id, *here)
    assert shell("gc", *here).data["freed"] == 0
    dropped = shell("gc", "--keep-days", "0", *here).data
    assert dropped["commits"] == 1
    assert dropped["freed"] > 250_000
    log = shell("log", "--session", kernel.session_id, *here).data
    assert log[0]["source"] == "import os\nx = [1]"
    assert shell("verify", *here).status == 0


@pytest.mark.parametrize(
    "words", [["restore"], ["flush"], ["atomic"], ["checkout", "HEAD~1", "--only", "x"], ["get", "x@HEAD", "as", "old"]]
)
def test_what_needs_a_kernel_says_so(shell: Shell, dead: Dead, words: list[str]) -> None:
    said = shell(*words)
    assert said.status == 1
    assert said.out == ""
    assert is_sentence(said.err)
    assert "%dart" in said.err


def test_help_of_the_command_and_of_every_verb(shell: Shell) -> None:
    from perdure.cli import main

    assert shell().out == shell("--help").out
    for name in main.commands:
        said = shell(name, "--help")
        assert said.status == 0
        assert "--json" in said.out


def test_the_shell_itself(dead: Dead) -> None:
    command = [sys.executable, "-m", "perdure.cli"]
    done = subprocess.run(
        [*command, "log", "--json", "--store", dead.store], capture_output=True, text=True, check=True
    )
    assert '"source": "1 / 0"' in done.stdout
    done = subprocess.run([*command, "lgo"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "There is no verb 'lgo'. Did you mean 'log'?\n"
    done = subprocess.run(
        [*command, "show", "nope", "--store", dead.store], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert is_sentence(done.stderr)


def test_code_from_elsewhere_can_not_steer_the_terminal(shell: Shell, kernel: Kernel) -> None:
    kernel.ok("s = '\x1b[31mred\x07'\n# \udcff")
    kernel.flush()
    assert kernel.store is not None
    for verb in ("log", "show"):
        said = shell(verb, "--store", str(kernel.store))
        assert said.status == 0
        assert "\x1b" not in said.out
        assert "red" in said.out
