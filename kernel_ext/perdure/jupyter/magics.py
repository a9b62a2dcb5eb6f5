"""``%dart VERB``: the verbs of ``perdure.cli`` on this kernel's session."""

from __future__ import annotations

from IPython.core.magic import Magics, line_cell_magic, magics_class


@magics_class
class DartMagics(Magics):
    """Durable, atomic, replicable, time-versioned: the session's history from inside the notebook."""

    @line_cell_magic
    def dart(self, line: str, cell: str | None = None) -> None:
        """Work with this session's history; ``%dart --help`` lists the verbs, ``%%dart atomic`` runs a cell all or nothing."""
        from perdure.jupyter.attachment import current
        print(getattr(current(), line.split()[0])(*line.split()[1:]))
