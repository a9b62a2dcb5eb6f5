"""A session's life in a child: restore what there is, run cells, move about, and say what is durable, until killed.

What it says, in order: ``session`` with its id; ``restored`` with the commit and every value's hash, if there was something
to restore; ``ready``; then again and again ``moving`` before HEAD is put elsewhere, and ``durable`` with a commit that
was acknowledged and every value's hash.
"""

from __future__ import annotations

import random
from pathlib import Path

from kill.programs import first_cell, next_cell, next_move
from kill.shells import Shell, failed
from kill.warm import Line
from perdure.store import Store


def live(line: Line, store: str, session: str | None, seed: int, sync: bool) -> None:
    """Go on with ``session``, or begin one."""
    chance = random.Random(seed)
    shell = Shell(store, durability="sync" if sync else "background")
    shell.load()
    if session is None:
        line.say(session=shell.session.id)
    else:
        report = shell.restore(session)
        line.say(restored=report.head, values=shell.fingerprints(), failed=failed(report))
    if "counter" not in shell.ip.user_ns:
        shell.ok(first_cell())
        _acknowledge(line, shell)
    line.say(ready=True)
    commits: list[str] = []
    while True:
        if chance.random() < 0.2:
            cell = next_move(chance, commits[-20:], sorted(shell.session.branches))
            line.say(moving=cell)
            shell.run(cell)
            if shell.session.head is None:  # before the first commit, of which there is nothing to acknowledge
                shell.run("%dart redo")
        else:
            for _ in range(1 if sync else chance.choice([1, 1, 2, 4])):  # several may be on their way at once
                cell = next_cell(chance, dict(shell.ip.user_ns))
                line.say(cell=cell)
                shell.run(cell)
        commits.append(_acknowledge(line, shell))


def _acknowledge(line: Line, shell: Shell) -> str:
    shell.session.flush()
    head = shell.session.head
    assert head is not None
    assert shell.session.trouble is None, shell.session.trouble
    line.say(durable=head, values=shell.fingerprints())
    return head


def keep_house(line: Line, store: str, seed: int) -> None:
    """``gc``, ``verify`` and ``export`` beside the sessions, over and over; says ``kept`` after each."""
    chance = random.Random(seed)
    while True:
        with Store.open(store) as opened:
            work = chance.choice(["gc", "gc", "verify", "export"])
            if work == "gc":
                opened.gc()  # within the retention: what it drops is what no commit needs
            elif work == "verify":
                report = opened.verify()
                assert not report.findings, report.findings
            elif sessions := [info.id for info in opened.sessions() if info.commits]:
                target = Path(store).with_name("exported.perdure")
                opened.export(chance.choice(sessions), target)
        line.say(kept=work)
