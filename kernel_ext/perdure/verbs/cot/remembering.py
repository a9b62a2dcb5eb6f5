"""Verbs about what is kept: stats, log, show, forget, wrong, pin, export, import, rebuild."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from perdure.cot.answer import Answer
from perdure.cot.batch import dollars
from perdure.verbs.cot.asking import as_data
from perdure.verbs.cot.group import Told, verb
from perdure.verbs.cot.request import CotRequest
from perdure.verbs.words import counted, indented, shorten, size, table, typed_here


@verb()
def stats(request: CotRequest) -> Told:
    """What is kept, what was asked, what it cost and what it saved."""
    found = request.cache.stats()
    rows = [
        ("kept", f"{counted(found.entries, 'answer')}, {counted(found.pictures, 'picture')}, {size(found.bytes)}"),
        ("asked", ", ".join(f"{number:,} {source}" for source, number in found.asks.items()) or "nothing yet"),
        ("hit rate", f"{found.hit_rate:.0%}"),
        ("calls", ", ".join(f"{number:,} {role}" for role, number in found.calls.items()) or "none"),
        ("cost", f"{dollars(found.cost)}; {dollars(found.saved)} saved"),
    ]
    rows += [
        (f"{kind} checks", f"{number:,}, of which {found.disagreements.get(kind, 0):,} disagreed")
        for kind, number in found.audits.items()
    ]
    if request.cot.degraded is not None:
        rows.append(("index", request.cot.degraded))
    return Told("\n".join(table(rows)), asdict(found))


@verb()
@click.option("-n", type=click.IntRange(1), default=20, metavar="N", help="At most so many (20).")
@click.option("--commit", metavar="REF", help="Only what this commit's cell asked.")
@click.option("--grep", metavar="TEXT", help="Only questions and answers that contain this.")
@click.option("--source", type=click.Choice(["exact", "near", "apprentice", "master"]), help="Only answers from there.")
def log(request: CotRequest, n: int, commit: str | None, grep: str | None, source: str | None) -> Told:
    """List answers, newest first."""
    wanted = None if commit is None else _commit(request, commit)
    answers = request.cache.log(n, commit=wanted, grep=grep, source=source)
    rows = [
        (answer.id, answer.source.value, dollars(answer.cost), shorten(answer.question, 48), shorten(answer.text, 32))
        for answer in answers
    ]
    return Told("\n".join(table(rows, right=(2,))) or "No answers.", [as_data(answer) for answer in answers])


@verb()
@click.argument("id")
def show(request: CotRequest, id: str) -> Told:
    """Show one answer: where it came from, what it cost, and why."""
    from perdure.cot.faces.display import plain

    answer = request.cache.answer(id)
    lines = [plain(answer), f"    {answer.why}"]
    lines += [
        f"    example {item.entry} ({item.similarity:.2f}): {item.question} {item.answer}" for item in answer.examples
    ]
    if answer.reasoning:
        lines.append(indented(answer.reasoning))
    return Told("\n".join(lines), as_data(answer) | {"commit": answer.commit}, _shown(request, answer))


@verb()
@click.argument("id")
def forget(request: CotRequest, id: str) -> Told:
    """Forget an answer, and all that was derived from it.

    Answers that it was an example for, and near matches of it, go too. What they cost stays in the sums.
    """
    gone = request.cache.forget(id)
    text = f"Forgot {counted(len(gone.entries), 'kept answer')} and {counted(len(gone.asks), 'question')} that rested on it."
    return Told(text, asdict(gone))


@verb()
@click.argument("id")
@click.option("--right", metavar="ANSWER", help="The right answer, which is kept from now on.")
def wrong(request: CotRequest, id: str, right: str | None) -> Told:
    """Mark an answer as wrong: it is never given again, and no example of anything."""
    marked = request.cache.mark_wrong(id, right)
    rested = len(marked.doubtful) + len(marked.doubtful_asks)
    text = f"Marked as wrong; {counted(rested, 'answer')} that rested on it won't be used again."
    if right is None:
        command = typed_here(f"`%cot wrong {id} --right ANSWER`", kernel=request.asker is not None)
        text += f" To keep the right one: {command}"
    if right is not None:
        text += f" From now on the answer is {right!r}."
    return Told(text, asdict(marked))


@verb()
@click.argument("id")
@click.option("--off", is_flag=True, help="Let it go again.")
def pin(request: CotRequest, id: str, off: bool) -> Told:
    """Keep an answer whatever else has to make room."""
    request.cache.pin(id, on=not off)
    return Told(
        "It may make room again." if off else "It stays, whatever else has to make room.", {"id": id, "pinned": not off}
    )


@verb()
@click.argument("file", type=click.Path(path_type=Path))
def export(request: CotRequest, file: Path) -> Told:
    """Write all kept answers, with their pictures, into one file."""
    done = request.cache.export(file)
    text = f"{counted(done.entries, 'answer')} and {counted(done.pictures, 'picture')} written to {file}, {size(done.bytes)}."
    return Told(text, asdict(done))


@verb("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(request: CotRequest, file: Path) -> Told:
    """Take in the answers of an exported file; what is there already isn't added again."""
    done = request.cache.import_(file)
    return Told(f"{counted(done.entries, 'answer')} and {counted(done.pictures, 'picture')} added.", asdict(done))


@verb()
def rebuild(request: CotRequest) -> Told:
    """Make the index of embeddings anew from the kept answers."""
    count = request.cot.rebuild()
    return Told(f"The index has {counted(count, 'answer')}.", {"answers": count})


def _shown(request: CotRequest, answer: Answer) -> Any:
    """The answer with buttons, where there is a notebook with ipywidgets; else by itself."""
    from perdure.cot.faces.panel import widget

    cot = request.cot

    def ask_master() -> Answer:
        return cot.again(answer.id)

    def mark_wrong() -> None:
        request.cache.mark_wrong(answer.id)
        print(
            "Marked as wrong: it won't be given again. To keep the right one: %cot wrong", answer.id, "--right ANSWER"
        )

    def show_examples() -> None:
        from IPython.display import display

        for example in answer.examples:
            display(example)  # type: ignore[no-untyped-call]
        if not answer.examples:
            print("It was made without examples.")

    return widget(answer, ask_master, mark_wrong, show_examples) or answer


def _commit(request: CotRequest, ref: str) -> str:
    """The id of the commit that a REF names: in this kernel's session, or the one that a shell's `perdure log` would list."""
    import perdure
    from perdure.verbs.request import Kernel, Request

    if request.asker is not None:
        perdure.current().flush()  # the last cell's commit may be on its way
    sessions = Request(None if request.asker is None else Kernel(""), None, None, writes=False)
    try:
        return sessions.history.resolve(ref) or ""
    finally:
        sessions.close()
