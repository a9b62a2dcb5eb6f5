"""Every verb as a magic, in a kernel."""

from __future__ import annotations

import json

from faces.conftest import is_sentence
from kernel.driver import Kernel
from perdure.store import Store


def said(kernel: Kernel, line: str) -> str:
    """Run a line magic and return what it printed, which is no error."""
    result = kernel.ok(f"%dart {line}")
    assert result.stderr == ""
    return result.stdout


def data(kernel: Kernel, line: str) -> object:
    """Run a line magic with --json and return what it printed, which is nothing else."""
    return json.loads(said(kernel, f"{line} --json"))


def test_log_show_blame_and_diff(kernel: Kernel) -> None:
    first = kernel.ok("x = [1, 2]\ny = [x]").count
    kernel.ok("x.append(3)")
    log = data(kernel, "log -n 2")
    assert log == kernel.log(2)
    lines = said(kernel, "log").splitlines()
    assert "(HEAD -> main) x.append(3)" in lines[0]
    assert f"[{first}]" in lines[1]
    assert "[1, 2]" in said(kernel, f"show In[{first}]")
    assert data(kernel, "blame y")["source"] == "x.append(3)"
    assert "x: 1 item added: [2]: 3" in said(kernel, "diff")
    assert [each["name"] for each in data(kernel, "diff HEAD~1 HEAD --var x")["differences"]] == ["x"]


def test_verbs_make_no_commits_of_their_own(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    before = kernel.session("head")
    for line in ("log", "status", "sessions", "branch", "tag", "verify", "flush", "show", "lgo"):
        kernel.ok(f"%dart {line}")
    kernel.flush()
    assert kernel.session("head") == before


def test_a_line_may_end_with_a_comment(kernel: Kernel) -> None:
    kernel.ok("x = '#1'", "x = 2")
    assert "x = '#1'" in said(kernel, "log --grep '#' # as in the README")
    said(kernel, "undo  # oh no")
    assert kernel.value("x") == "#1"


def test_a_setting_that_can_not_be_is_a_sentence(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.run("%config Perdure.on_error = 'bogus'")
    result = kernel.ok("%dart log")
    assert "on_error" in result.stderr
    assert "Traceback" not in result.stderr
    kernel.ok("%config Perdure.on_error = 'keep'")
    assert "x = 1" in said(kernel, "log")


def test_undo_redo_and_checkout_tell_what_they_did(kernel: Kernel) -> None:
    kernel.ok("x = [1]; gone = 1", "x.append(2); del gone; new = 3")
    text = said(kernel, "undo")
    assert "new" in text
    assert "HEAD is at" in text
    assert kernel.state("x", "gone", "new") == {"x": [1], "gone": 1}
    names = {row["name"]: row["status"] for row in data(kernel, "redo")["names"]}
    assert names["gone"] == "deleted"
    assert names["new"] == "restored"
    said(kernel, "checkout HEAD~1 --only x gone")
    assert kernel.state("x", "gone", "new") == {"x": [1], "gone": 1, "new": 3}
    said(kernel, "undo")
    said(kernel, "checkout HEAD~1")
    assert kernel.state("x", "gone", "new") == {"x": [1], "gone": 1}


def test_get_binds_a_value_beside_todays(kernel: Kernel) -> None:
    first = kernel.ok("x = [1]").count
    kernel.ok("x.append(2)")
    assert "old is x as of" in said(kernel, f"get x@In[{first}] as old")
    assert kernel.state("x", "old") == {"x": [1, 2], "old": [1]}
    found = data(kernel, f"get x@In[{first}]")
    assert kernel.value(found["as"]) == [1]
    assert found["preview"]["repr"] == "[1]"
    kernel.flush()
    assert kernel.session("at('HEAD')['old']") == [1]


def test_branch_switch_and_tag(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    said(kernel, "tag two")
    said(kernel, "branch try HEAD~1")
    said(kernel, "switch try")
    assert kernel.value("x") == 1
    kernel.ok("x = 10")
    assert [(each["name"], each["current"]) for each in data(kernel, "branch")] == [("main", False), ("try", True)]
    said(kernel, "switch main")
    said(kernel, "branch --delete try")
    assert [each["name"] for each in data(kernel, "branch")] == ["main"]
    assert data(kernel, "tag")[0]["name"] == "two"
    said(kernel, "tag --delete two")
    assert data(kernel, "tag") == []


def test_status(kernel: Kernel) -> None:
    kernel.ok("x = 1", "import threading; lock = threading.Lock()")
    found = data(kernel, "status")
    assert found["session"] == kernel.session_id
    assert found["head"] == kernel.session("head")
    assert (found["live"], found["durable"], found["trouble"], found["behind"]) == (True, True, None, 0)
    assert found["last_cost"] > 0
    assert found["store"] == str(kernel.store)
    assert list(found["not_captured"]) == ["lock"]
    text = said(kernel, "status")
    assert "on branch main" in text
    assert "lock: " in text
    assert "of kernel time" in text


def test_status_behind_the_tip(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2", "x = 3")
    said(kernel, "undo 2")
    assert data(kernel, "status")["behind"] == 2
    assert "2 commits behind" in said(kernel, "status")
    assert [commit["source"] for commit in data(kernel, "log main -n 3")] == ["x = 3", "x = 2", "x = 1"]


def test_sessions_flush_verify_gc_and_export(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    (found,) = data(kernel, "sessions")
    assert (found["id"], found["current"]) == (kernel.session_id, True)
    assert data(kernel, "flush")["durable"] is True
    assert data(kernel, "verify")["ok"] is True
    assert data(kernel, "gc")["commits"] == 0
    assert kernel.store is not None
    kernel.ok("x = 2")
    target = kernel.store.with_name("out.perdure")
    said(kernel, f"export {kernel.session_id} '{target}'")
    with Store.open(kernel.store.with_name("elsewhere")) as store:
        session = store.import_(target).session
        assert store.commit(store.refs(session).head).source == "x = 2"


def test_another_session_is_read_from_a_kernel(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    first, store = kernel.session_id, kernel.store
    assert store is not None
    kernel.flush()
    kernel.restart()
    kernel.load(store).ok("x = [2]")
    assert kernel.session("id") != first
    assert said(kernel, f"get x --session {first}") == "[1]\n"
    assert kernel.value("x") == [2]
    said(kernel, f"tag theirs --session {first}")
    assert data(kernel, "tag") == []
    assert [each["name"] for each in data(kernel, f"tag --session {first}")] == ["theirs"]


def test_restore_in_a_new_kernel(kernel: Kernel) -> None:
    kernel.ok("x = [1]\ny = [x]", "x.append(2)")
    kernel.flush()
    session, store = kernel.session_id, kernel.store
    assert store is not None
    kernel.restart()
    kernel.load(store)
    text = said(kernel, f"restore {session[:6]}")
    assert "restored" in text
    assert kernel.value("(x, y[0] is x)") == ([1, 2], True)
    assert kernel.session("id") == session
    kernel.ok("x.append(3)")
    assert [commit["source"] for commit in data(kernel, "log -n 2")] == ["x.append(3)", "x.append(2)"]


def test_silent_requests(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    assert json.loads(kernel.quietly("%dart log --json -n 1").stdout)[0]["source"] == "x = 2"
    assert json.loads(kernel.quietly("%dart undo --json").stdout)["title"] == "undo"
    assert kernel.value("x") == 1
    kernel.quietly("%dart redo")
    assert kernel.value("x") == 2
    assert is_sentence(kernel.quietly("%dart show nope").stderr)


def test_inside_a_function_and_between_other_code(kernel: Kernel) -> None:
    kernel.ok("x = 1", "ref = 'HEAD'\ndef f(ref):\n    %dart show {ref}\n    return ref")
    assert "x = 1" in kernel.ok("x += 1\nf('HEAD~1')").stdout
    assert "def f(ref)" in kernel.ok("%dart show $ref").stdout.replace("x += 1", "def f(ref)")
    kernel.ok("x = 5\n%dart undo\ny = x")
    assert kernel.value("y") == kernel.value("x")


def test_unload_takes_the_magic_away_and_load_brings_it_back(kernel: Kernel) -> None:
    kernel.ok("%unload_ext perdure")
    assert kernel.run("%dart log").status == "error"
    assert "x" not in kernel.run("%%dart atomic\nx = 1").shown
    kernel.ok("%load_ext perdure", "x = 1")
    assert "x = 1" in said(kernel, "log")


def test_tab_completes_verbs_options_and_refs(kernel: Kernel) -> None:
    kernel.ok("table = 1", "%dart tag taken")

    def completed(text: str) -> list[str]:
        request = kernel.client.complete(text, len(text))
        while (reply := kernel.receive(kernel.client.get_shell_msg))["parent_header"]["msg_id"] != request:
            pass
        return reply["content"]["matches"]

    assert completed("%dart stat") == ["status"]
    assert {"taken", "table"} <= set(completed("%dart checkout ta"))
    assert "--grep" in completed("%dart log --")
