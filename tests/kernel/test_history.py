"""Undo, redo, checkout, branches, tags, and reading any version."""

from __future__ import annotations

import pytest

from kernel.driver import SESSION, Kernel


def test_undo_puts_back_an_in_place_edit_and_redo_makes_it_again(kernel: Kernel) -> None:
    kernel.ok("x = [1, 2]\ny = [x, x]", "x.append(3)")
    kernel.do("undo()")
    assert kernel.state("x", "y") == {"x": [1, 2], "y": [[1, 2], [1, 2]]}
    assert kernel.value("y[0] is x and y[1] is x")
    kernel.do("redo()")
    assert kernel.state("x", "y") == {"x": [1, 2, 3], "y": [[1, 2, 3], [1, 2, 3]]}
    assert kernel.value("y[0] is x and y[1] is x")


def test_undo_brings_back_a_deleted_name_and_takes_away_a_new_one(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "del x\nz = 2")
    kernel.do("undo()")
    assert kernel.state("x", "z") == {"x": [1]}
    kernel.do("redo()")
    assert kernel.state("x", "z") == {"z": 2}


@pytest.mark.parametrize(
    "make",
    ["base = np.arange(6.); view = base[1:]", "base = bytearray(9); view = np.frombuffer(base, 'u1')"],
    ids=["array", "bytearray"],
)
def test_what_the_garbage_collector_takes_away_is_no_step(kernel: Kernel, make: str) -> None:
    """Until it has run, the view's base looks as if somebody else had it too; after that, it doesn't."""
    kernel.ok("import gc, numpy as np; gc.disable()", f"{make}; ring = [base]; ring.append(ring)")
    kernel.ok("del ring, base", "gc.collect();")
    before = kernel.session("head")
    kernel.do("undo()")
    assert kernel.value("ring[0] is base and len(base) >= len(view)")
    kernel.do("redo()")
    assert kernel.session("head") == before


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("f", ("def f(): return a", "d = [f, [[n] for n in range(100)]]")),
        ("f", ("def f(): return a\ndef make(box): return lambda: box", "d = make([f, [[n] for n in range(100)]])")),
        ("K", ("class K:\n    pass", "d = [K() for n in range(100)]")),
    ],
    ids=["function", "closure", "class"],
)
def test_a_definition_that_a_larger_value_refers_to_is_no_part_of_it(
    kernel: Kernel, name: str, cells: tuple[str, ...]
) -> None:
    kernel.ok(*cells)
    snapshots = kernel.value(f"[{SESSION}.manifest({SESSION}.head).bindings[n][0] for n in ('d', '{name}')]")
    assert snapshots[0] != snapshots[1]


def test_a_figure_is_undone_and_redone(kernel: Kernel) -> None:
    """To pickle a figure counts up a number in it, unless perdure puts that back; each look would find it changed."""
    kernel.ok("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2, 3]);", "ax.set_title('one');")
    kernel.ok("ax.set_title('two');")
    before = kernel.session("head")
    kernel.do("undo()")
    assert kernel.value("ax.get_title(), fig.axes[0] is ax") == ("one", True)
    kernel.do("undo()")
    assert kernel.value("ax.get_title()") == ""
    kernel.do("redo(2)")
    assert kernel.value("ax.get_title()") == "two"
    assert kernel.session("head") == before
    assert list(kernel.session("branches")) == ["main"]


def test_what_comes_back_is_not_handed_to_pyplot(kernel: Kernel) -> None:
    """Matplotlib would register the figure, and so display it or open a window for it."""
    kernel.ok("import matplotlib.pyplot as plt\nplt.close('all')\nfig, ax = plt.subplots()\nax.plot([1, 2, 3]);")
    kernel.ok("ax.set_title('two');")
    kernel.do("undo()")
    kernel.do("get('fig', 'HEAD', 'other')")
    assert kernel.value("len(fig.axes), other is fig, plt.get_fignums()") == (1, False, [1])
    kernel.flush()
    head = kernel.session("head")
    for backend in ("inline", "agg"):
        kernel.flush()
        store = kernel.store
        assert store is not None
        kernel.restart()
        kernel.use_store(store)
        kernel.ok(f"%matplotlib {backend}", "%load_ext perdure")
        said = kernel.ok(f"%dart restore {kernel.session_id}")
        assert "Figure" not in said.shown
        assert kernel.value("len(fig.axes[0].lines), __import__('matplotlib.pyplot').pyplot.get_fignums()") == (1, [])
        assert kernel.session("head") == head
    assert "Figure" in kernel.ok("fig").shown


def test_pyplot_goes_on_with_the_figure_that_undo_brought_back(kernel: Kernel) -> None:
    kernel.ok(
        "import matplotlib.pyplot as plt\nplt.close('all'); plt.ion()\nfig, ax = plt.subplots(); other = plt.figure(); plt.figure(fig);"
    )
    kernel.ok("plt.title('one');", "plt.title('two');")
    kernel.do("undo()")
    assert kernel.value("plt.gcf() is fig, plt.gca() is ax, plt.get_fignums(), plt.gca().get_title()") == (
        True,
        True,
        [1, 2],
        "one",
    )
    kernel.ok("plt.title('three');")
    assert kernel.last()["changed"] == ["ax", "fig"]
    assert kernel.session("at('HEAD')['ax'].get_title()") == "three"
    kernel.do("undo()")
    kernel.ok("ax_only = ax; del fig, ax; plt.title('four');", "plt.title('five');", "both = other")
    kernel.ok("other = plt.figure();")
    kernel.do("undo()")
    assert kernel.value("both is other, both.canvas.manager is plt.figure(2).canvas.manager") == (True, True)
    kernel.ok("plt.figure(1);")
    kernel.do("undo(2)")
    assert kernel.value("plt.gca() is ax_only, ax_only.get_title()") == (True, "four")
    kernel.do("recheck(5.0)")
    kernel.do("redo()")
    assert kernel.value("plt.gca() is ax_only, ax_only.get_title()") == (True, "five")
    kernel.do("undo()")
    assert kernel.value("plt.gca() is ax_only, ax_only.get_title()") == (True, "four")
    kernel.ok("plt.close('all');")


def test_figures_have_nothing_to_do_with_each_other(kernel: Kernel) -> None:
    """They have settings, markers, colours and converters in common, which are matplotlib's own."""
    kernel.ok(
        "import matplotlib.pyplot as plt, numpy as np\nplt.close('all')\ndays = np.array(['2020-01-01', '2020-02-02'], 'M8[D]')"
    )
    draw = (
        "fig{0}, axes{0} = plt.subplots(2, 2); axes{0}[0, 0].plot(days, [1, 2], 'o--', label='a'); axes{0}[0, 0].legend();"
        "axes{0}[0, 1].imshow([[1, 2], [3, 4]]); axes{0}[1, 0].bar(['a', 'b'], [1, 2]); axes{0}[1, 1].hist([1, 2, 3]);"
        "fig{0}.canvas.draw();"
    )
    kernel.ok(
        draw.format(1), draw.format(2), "shared = np.arange(3.); line3, = plt.figure().gca().plot(shared, shared);"
    )
    kernel.ok("axes1[0, 0].set_title('changed');")
    assert kernel.last()["changed"] == ["axes1", "fig1"]
    before = kernel.value("id(fig2), id(axes2)")
    kernel.do("undo()")
    assert kernel.value("id(fig2), id(axes2)") == before
    assert kernel.value("axes1[0, 0].get_title(), axes1[0, 0].figure is fig1") == ("", True)
    snapshots = kernel.value(
        f"[{SESSION}.manifest({SESSION}.head).bindings[n][0] for n in ('fig1', 'axes1', 'fig2', 'axes2')]"
    )
    assert snapshots[0] == snapshots[1] != snapshots[2] == snapshots[3]
    kernel.ok("plt.close('all');")


def test_undo_and_redo_go_several_steps(kernel: Kernel) -> None:
    kernel.ok(*(f"x = {n}" for n in range(6)))
    kernel.do("undo(4)")
    assert kernel.value("x") == 1
    kernel.do("redo(3)")
    assert kernel.value("x") == 4
    kernel.do("undo()")
    kernel.do("undo()")
    assert kernel.value("x") == 2
    kernel.do("redo()")
    assert kernel.value("x") == 3


def test_undo_beyond_the_beginning_is_refused_and_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    name, message = kernel.refused("undo(50)")
    assert name == "UsageError"
    assert "undo" in message
    assert kernel.value("x") == 1


def test_a_new_cell_after_undo_ends_the_way_forward(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    kernel.do("undo()")
    kernel.ok("x = 3")
    assert kernel.refused("redo()")[0] == "UsageError"
    assert kernel.value("x") == 3


@pytest.mark.parametrize("back", [1, 2], ids=["to the first commit", "before the first commit"])
def test_to_look_around_after_undo_does_not_end_the_way_forward(kernel: Kernel, back: int) -> None:
    kernel.ok("x = 1", "x = 2")
    tip = kernel.session("head")
    kernel.do(f"undo({back})")
    kernel.ok("1 + 1", "len(globals())")
    assert kernel.session("branches") == {"main": tip}
    kernel.do(f"redo({back})")
    assert kernel.value("x") == 2
    assert kernel.session("head") == tip


def test_a_cell_that_only_looks_is_no_step_even_if_it_is_the_first(kernel: Kernel) -> None:
    kernel.ok("1 + 1", "x = 1")
    kernel.do("undo()")
    assert kernel.state("x") == {}
    assert kernel.refused("undo()")[0] == "UsageError"
    kernel.do("redo()")
    assert kernel.value("x") == 1


def test_a_checkout_can_be_undone(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)", "x.append(3)")
    kernel.do("checkout('HEAD~2')")
    assert kernel.value("x") == [1]
    kernel.do("undo()")
    assert kernel.value("x") == [1, 2, 3]
    kernel.do("redo()")
    assert kernel.value("x") == [1]


def test_going_on_from_an_old_commit_starts_a_branch_by_itself(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2", "x = 3")
    tip = kernel.session("head")
    kernel.do("checkout('HEAD~1')")
    kernel.ok("x = 20")
    branches = kernel.session("branches")
    assert len(branches) == 2
    assert branches["main"] == tip
    (other,) = branches.keys() - {"main"}
    assert kernel.session("at('main')['x']") == 3
    kernel.do("switch('main')")
    assert kernel.value("x") == 3
    kernel.do(f"switch({other!r})")
    assert kernel.value("x") == 20


def test_a_cell_on_a_switched_branch_moves_that_branch(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.do("branch('try')")
    kernel.do("switch('try')")
    kernel.ok("x = 2")
    branches = kernel.session("branches")
    assert set(branches) == {"main", "try"}
    assert kernel.session("at('try')['x']") == 2
    assert kernel.session("at('main')['x']") == 1


def test_a_tag_stays_where_it_was_set(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.do("tag('first')")
    kernel.ok("x = 2")
    assert kernel.session("at('first')['x']") == 1
    assert kernel.refused("tag('first')")[0] == "InvalidName"
    kernel.do("checkout('first')")
    assert kernel.value("x") == 1


def test_a_branch_and_a_tag_do_not_share_a_name(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    kernel.do("tag('old', 'HEAD~1')")
    before = kernel.session("refs")
    name, message = kernel.refused("branch('old')")
    assert (name, "tag 'old'" in message, "tag --delete old" in message) == ("InvalidName", True, True)
    name, message = kernel.refused("tag('main')")
    assert (name, "branch 'main'" in message, "another name" in message) == ("InvalidName", True, True)
    assert kernel.session("refs") == before
    kernel.do("tag('main-2')")
    kernel.do("undo()")
    kernel.ok("x = 3")
    assert sorted(kernel.session("branches")) == ["main", "main-3"]
    assert kernel.session("at('main-2')['x']") == 2


def test_a_branch_that_was_deleted_does_not_come_back_under_a_tag(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.do("branch('try')")
    kernel.do("switch('try')")
    kernel.ok("x = 2")
    kernel.do("switch('main')")
    kernel.do("delete_branch('try')")
    kernel.do("tag('try')")
    kernel.do("undo()")  # to where the branch was
    kernel.ok("x = 3")
    assert sorted(kernel.session("branches")) == ["main", "try-2"]
    assert kernel.session("at('try')['x']") == 1


def test_an_old_store_in_which_a_branch_has_a_tag_s_name(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2")
    kernel.do("tag('same', 'HEAD~1')")
    kernel.quietly(
        f"import dataclasses\n{SESSION}._edit_refs(lambda r: dataclasses.replace(r, branches={{**r.branches, 'same': r.head}}))"
    )
    kernel.die_and_restore()
    assert kernel.session("at('same')['x']") == 2
    said = kernel.ok("%dart tag").text
    commit = kernel.session("tags")["same"]
    assert "branch 'same'" in said
    assert commit[:8] in said.splitlines()[-1]
    kernel.do(f"checkout({commit[:8]!r})")
    assert kernel.value("x") == 1
    kernel.do("delete_tag('same')")
    kernel.do(f"tag('another', {commit!r})")
    assert kernel.session("at('another')['x']") == 1


def test_every_form_of_reference_finds_its_commit(kernel: Kernel) -> None:
    count = kernel.ok("x = 'here'").count
    head = kernel.session("head")
    kernel.do("tag('t')")
    kernel.ok("x = 'later'")
    for ref in (head, head[:10], "HEAD~1", "HEAD^", "@~1", f"In[{count}]", "t", "main~1"):
        assert kernel.session(f"at({ref!r})['x']") == "here", ref


def test_a_reference_that_names_nothing_is_refused_in_a_sentence(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    for ref in ("nowhere", "HEAD~99", "In[999]", "0000000000", ""):
        name, message = kernel.refused(f"checkout({ref!r})")
        assert name == "UnknownRef", ref
        assert message.strip().endswith(".")
    assert kernel.value("x") == 1


def test_a_partial_checkout_touches_only_the_names_asked_for(kernel: Kernel) -> None:
    kernel.ok("a = [1]\nb = [1]\nc = [1]", "a.append(2); b.append(2); c.append(2)")
    head = kernel.session("head")
    before = kernel.value("(id(b), id(c))")
    kernel.do("checkout('HEAD~1', only=['a'])")
    assert kernel.state("a", "b", "c") == {"a": [1], "b": [1, 2], "c": [1, 2]}
    assert kernel.value("(id(b), id(c))") == before
    kernel.ok("d = 1")
    assert head in [commit["id"] for commit in kernel.log()]
    assert kernel.session("at('HEAD')['a']") == [1]


def test_a_partial_checkout_can_be_undone(kernel: Kernel) -> None:
    kernel.ok("a = [1]\nb = [1]", "a.append(2); b.append(2)")
    kernel.do("checkout('HEAD~1', only=['a'])")
    kernel.do("undo()")
    assert kernel.state("a", "b") == {"a": [1, 2], "b": [1, 2]}


def test_a_partial_checkout_of_an_unknown_name_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("a = [1]", "a.append(2)")
    assert kernel.refused("checkout('HEAD~1', only=['a', 'nope'])")[0] == "UnknownName"
    assert kernel.value("a") == [1, 2]


def test_a_partial_checkout_of_one_of_two_that_share(kernel: Kernel) -> None:
    kernel.ok("x = [1]\ny = [x, 'y']", "x.append(2)")
    kernel.do("checkout('HEAD~1', only=['x'])")
    assert kernel.state("x", "y") == {"x": [1], "y": [[1, 2], "y"]}
    kernel.ok("x.append('new')")
    assert kernel.state("x", "y") == {"x": [1, "new"], "y": [[1, 2], "y"]}


def test_get_fetches_one_value_beside_todays(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    kernel.do("get('x', 'HEAD~1', 'old')")
    assert kernel.state("x", "old") == {"x": [1, 2], "old": [1]}
    kernel.ok("old.append('o')")
    assert kernel.state("x", "old") == {"x": [1, 2], "old": [1, "o"]}
    kernel.die_and_restore()
    assert kernel.state("x", "old") == {"x": [1, 2], "old": [1, "o"]}


def test_reading_a_version_touches_nothing(kernel: Kernel) -> None:
    kernel.ok("x = [1]\ndef f(): return x", "x.append(2)")
    before = kernel.value("(id(x), id(f), sorted(k for k in globals() if k[0] != '_'))")
    assert kernel.session("at('HEAD~1')['x']") == [1]
    assert kernel.session("at('HEAD~1')['f']()") == [1]
    assert kernel.value("f()") == [1, 2]
    assert kernel.value("(id(x), id(f), sorted(k for k in globals() if k[0] != '_'))") == before


def test_what_a_version_gives_is_not_connected_with_the_session(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    kernel.ok(f"old = {SESSION}.at('HEAD')['x']\nold.append('mine')")
    assert kernel.value("x") == [1]
    assert kernel.session("at('HEAD~1')['x']") == [1]


def test_a_checkout_keeps_the_identity_of_what_does_not_differ(kernel: Kernel) -> None:
    kernel.ok(
        "import numpy as np, pandas as pd\n"
        "df = pd.DataFrame({'a': range(5)}); a = np.arange(5); v = a[1:]; l = [a]\n"
        "def f(): return n\n"
        "class A: pass\n"
        "i = A(); n = 0",
        "n = 1",
        "n = 2",
    )
    before = kernel.value("[id(o) for o in (df, a, v, l, f, A, i)]")
    kernel.do("undo()")
    assert kernel.value("n") == 1
    assert kernel.value("[id(o) for o in (df, a, v, l, f, A, i)]") == before
    kernel.do("checkout('HEAD~1')")
    assert kernel.value("n") == 0
    assert kernel.value("[id(o) for o in (df, a, v, l, f, A, i)]") == before


def test_a_second_checkout_of_the_same_version_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("x = [1]\nd = {'x': x}", "x.append(2)")
    kernel.do("checkout('HEAD~1')")
    before = kernel.value("(id(x), id(d))")
    kernel.do("checkout('HEAD')")
    assert kernel.value("(id(x), id(d), x)") == (*before, [1])


def test_equal_twins_stay_two_objects(kernel: Kernel) -> None:
    kernel.ok("a = [1]; b = [1]", "a.append(2)", "b.append(2)")
    kernel.do("undo(2)")
    assert kernel.value("(a, b, a is b)") == ([1], [1], False)
    kernel.do("redo(2)")
    assert kernel.value("(a, b, a is b)") == ([1, 2], [1, 2], False)
    kernel.die_and_restore()
    assert kernel.value("(a, b, a is b)") == ([1, 2], [1, 2], False)


def test_swapped_names(kernel: Kernel) -> None:
    kernel.ok("a = [1]; b = [2]; c = [a, b]", "a, b = b, a")
    kernel.do("undo()")
    assert kernel.value("(a, b, c[0] is a, c[1] is b)") == ([1], [2], True, True)
    kernel.do("redo()")
    assert kernel.value("(a, b, c[0] is b, c[1] is a)") == ([2], [1], True, True)


def test_an_equal_value_of_another_identity_is_a_change(kernel: Kernel) -> None:
    kernel.ok("x = [1]; y = [x]", "y[0] = [1]")
    assert "y" in kernel.last()["changed"]
    kernel.do("undo()")
    assert kernel.value("y[0] is x")
    kernel.do("redo()")
    assert kernel.value("y[0] is x") is False
    kernel.die_and_restore()
    assert kernel.value("(y[0] is x, x, y)") == (False, [1], [[1]])


def test_an_alias_made_later_and_broken_again(kernel: Kernel) -> None:
    kernel.ok("a = [1]; b = [2]", "b = a", "b = list(a)")
    kernel.do("undo()")
    assert kernel.value("a is b")
    kernel.ok("b.append(9)")
    assert kernel.value("a") == [1, 9]
    kernel.do("undo(2)")
    assert kernel.value("(a, b, a is b)") == ([1], [2], False)


def test_undo_within_a_cell_that_also_changes_something(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    kernel.ok(f"x.append(3)\n{SESSION}.undo()\nx.append('after')")
    assert kernel.value("x") == [1, 2, "after"]
    kernel.die_and_restore()
    assert kernel.value("x") == [1, 2, "after"]


def test_the_dart_magic_and_the_python_face_do_the_same(kernel: Kernel) -> None:
    kernel.ok("x = 1", "x = 2", "%dart undo")
    assert kernel.value("x") == 1
    kernel.ok("%dart redo")
    assert kernel.value("x") == 2


def test_verbs_in_ordinary_cells(kernel: Kernel) -> None:
    kernel.ok("import perdure", "x = 1", "x = 2", "perdure.current().undo()")
    assert kernel.value("x") == 1
    kernel.ok("perdure.current().redo()")
    assert kernel.value("x") == 2
    kernel.ok("perdure.current().tag('two')", "x = 3", "perdure.current().checkout('two')", "x += 10")
    assert kernel.value("x") == 12


def test_a_commit_says_what_its_cell_did(kernel: Kernel) -> None:
    kernel.ok("keep = [1]; gone = 1; x = 1")
    count = kernel.ok("x = 2\nnew = 3\ndel gone").count
    commit = kernel.last()
    assert commit["source"] == "x = 2\nnew = 3\ndel gone"
    assert commit["execution_count"] == count
    assert commit["outcome"] == "ok"
    assert commit["changed"] == ["new", "x"]
    assert commit["deleted"] == ["gone"]
    assert commit["not_captured"] == {}
    assert commit["parent"] == kernel.log()[1]["id"]
    assert commit["duration"] < 60 < commit["started"]


def test_log_can_be_limited_and_searched(kernel: Kernel) -> None:
    kernel.ok("alpha = 1", "beta = 2", "alpha += 1")
    assert [c["source"] for c in kernel.log(2)] == ["alpha += 1", "beta = 2"]
    assert kernel.session("log(var='alpha')").count("source=") == 2
    assert kernel.session("log(grep='BETA')").count("source=") == 1
    assert "alpha += 1" in kernel.session("blame('alpha').source")


def test_names_that_begin_with_an_underscore_belong_to_the_session(kernel: Kernel) -> None:
    kernel.ok("_private = [1]; __dunderish = 2", "_private.append(2); del __dunderish")
    kernel.do("undo()")
    assert kernel.state("_private", "__dunderish") == {"_private": [1], "__dunderish": 2}
    kernel.die_and_restore()
    assert kernel.state("_private", "__dunderish") == {"_private": [1], "__dunderish": 2}


def test_in_out_and_the_counter_come_back(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    shown = kernel.ok("x").count
    kernel.ok("x.append(2)")
    last = kernel.ok("'last'").count
    assert last is not None
    kernel.die_and_restore()
    assert kernel.value(f"(Out[{shown}] is x, _{shown} is x, x, _, Out[{last}])") == (
        True,
        True,
        [1, 2],
        "last",
        "last",
    )
    assert kernel.value(f"(In[{shown}], _i{shown}, In[{last}])") == ("x", "x", "'last'")
    assert kernel.ok("'next'").count == last + 2  # the cell that restored is the one between
    assert kernel.value(f"(In[-1], Out[{last + 2}], _, __)") == ("'next'", "next", "next", "last")


def test_a_cell_that_restores_is_the_next_one_of_what_it_restores(kernel: Kernel) -> None:
    """Also where it is a commit itself, and has a number in its own kernel that a restored cell has too."""
    first = kernel.ok("x = [1]\nx").count
    kernel.ok("x.append(2)")
    last = kernel.ok("x").count
    assert (first, last) == (2, 4)
    for life in (1, 2):
        kernel.flush()
        store = kernel.store
        assert store is not None
        kernel.restart()
        kernel.use_store(store)
        kernel.ok("%load_ext perdure")
        source = f"__import__('perdure').restore({kernel.session_id!r})\nx.append('life {life}')\n'said {life}'"
        own = last + life
        restoring = kernel.ok(source)
        assert restoring.count == own
        assert kernel.last()["execution_count"] == own
        assert kernel.session("commit('In[2]').source") == "x = [1]\nx"
        assert kernel.session("at('In[2]')['x']") == [1]
        assert kernel.session(f"commit('In[{own}]').source") == source
        assert kernel.value(f"In[2], _i2, In[{own}], _i{own}, len(In)") == (
            "x = [1]\nx",
            "x = [1]\nx",
            source,
            source,
            own + 1,
        )
        assert kernel.value(f"Out[2] is x, Out[{own}], _") == (True, f"said {life}", f"said {life}")
    assert kernel.ok("'next'").count == last + 3
    kernel.do("undo()")
    assert kernel.value("x") == [1, 2, "life 1"]


def test_a_command_that_restores_takes_no_other_cell_s_number(kernel: Kernel) -> None:
    """It is no commit, but the next one notes it, for ``In``."""
    kernel.ok("x = [1]", "x.append(2)")
    for _ in range(2):
        kernel.flush()
        store = kernel.store
        assert store is not None
        kernel.restart()
        kernel.use_store(store)
        kernel.ok("%load_ext perdure", f"%dart restore {kernel.session_id}", "x.append(3)")
    assert kernel.value("In[2:5]") == ["x = [1]", "x.append(2)", f"%dart restore {kernel.session_id}"]
    assert kernel.session("commit('In[2]').source") == "x = [1]"


def test_undo_takes_an_output_away_and_redo_brings_it_back(kernel: Kernel) -> None:
    count = kernel.ok("changed = 1\n[1, 2]").count  # a cell that only displays is no step of undo
    kernel.do("undo()")
    assert kernel.value(f"({count} in Out, '_{count}' in globals())") == (False, False)
    kernel.do("redo()")
    assert kernel.value(f"(Out[{count}], _{count}, Out[{count}] is _{count}, _ is _{count})") == (
        [1, 2],
        [1, 2],
        True,
        True,
    )


def test_reset_is_a_change_like_any_other(kernel: Kernel) -> None:
    kernel.ok("x = [1]; y = [x]", "%reset -f")
    assert kernel.state("x", "y") == {}
    assert set(kernel.last()["deleted"]) >= {"x", "y"}
    kernel.do("undo()")
    assert kernel.value("(x, y[0] is x)") == ([1], True)
