"""How long a training runs: counted in steps, the number of which is set from the first steps' time, and noted in a log."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path


class Budget:
    """``steps`` steps or, without, as many as ``minutes`` of this process's own time will do; pausing it costs nothing.

    With ``resume`` the steps that the log has count as done, if there are more to do.
    """

    def __init__(
        self,
        name: str,
        log: Path,
        *,
        minutes: float | None,
        steps: int | None,
        resume: bool = False,
        every: float = 180,
    ) -> None:
        self.name, self.log, self.every = name, log, every
        self.minutes, self.steps = minutes, steps
        self.done = _noted(name, log) if resume and steps is not None else 0
        if steps is not None and self.done >= steps:
            self.done = 0
        self._begun = self._noted = time.process_time()
        self._losses: list[float] = []
        log.parent.mkdir(parents=True, exist_ok=True)

    @property
    def spent(self) -> float:
        """Minutes of processor time so far."""
        return (time.process_time() - self._begun) / 60

    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        if self.steps is not None:
            return self.done / self.steps
        assert self.minutes is not None
        return self.spent / self.minutes

    def left(self) -> bool:
        """Whether to go on."""
        return self.share() < 1

    def rate(self) -> float:
        """The learning rate as a share of its peak: a short rise, then a cosine down to a hundredth."""
        rise = min(1.0, (self.done + 1) / 100)
        return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.share()))))

    def step(self, *, loss: float) -> bool:
        """Count a step; true when it is time to look and save."""
        self.done += 1
        self._losses.append(loss)
        now = time.process_time()
        if now - self._noted >= self.every or not self.left():
            self._noted = now
            return True
        return False

    def note(self, **values: object) -> None:
        """A line in the log."""
        losses = self._losses[-200:]
        line = {
            "training": self.name,
            "step": self.done,
            "minutes": round(self.spent, 2),
            "loss": round(sum(losses) / max(1, len(losses)), 4),
            **values,
        }
        with self.log.open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def _noted(name: str, log: Path) -> int:
    """The last step of this training in the log; 0 if there is none."""
    if not log.exists():
        return 0
    lines = map(json.loads, log.read_text().splitlines())
    steps = [int(line["step"]) for line in lines if line["training"] == name]
    return steps[-1] if steps else 0
