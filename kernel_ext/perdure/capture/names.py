"""The part of the user's namespace that belongs to the session, seen as one mapping.

Names that IPython itself put there don't belong to it. ``Out[3]`` is a name of its own here: were ``Out`` one variable, all
values that were ever displayed would be one co-variable. Its shorthand ``_3``, which IPython hides, follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from perdure.capture.world import World, is_world

_OUTPUT = re.compile(r"Out\[(\d+)\]\Z")

#: Kept by IPython itself, and rebuilt from the commits on restore (``In`` and its shorthands).
_INPUT_HISTORY = re.compile(r"_i+\Z|_i\d+\Z|_ih\Z|_dh\Z|_oh\Z|In\Z|Out\Z")

#: What a module, IPython, ipykernel, JupyterLab or a debugger puts into the namespace.
_FOREIGN = frozenset(
    """
    __name__ __doc__ __package__ __loader__ __spec__ __builtin__ __builtins__ __file__ __session__ __vsc_ipynb_file__
    get_ipython exit quit open display _i _ii _iii __annotations__ __warningregistry__ __pydevd_ret_val_dict
    """.split()
) - {"__annotations__"}

#: The last three values that were displayed.
_LAST = ("_", "__", "___")


def is_ipythons(name: str) -> bool:
    """Whether IPython, or what it runs in, binds the name itself: a value put there would be lost, or in its way."""
    return name in _FOREIGN or name in _LAST or _INPUT_HISTORY.match(name) is not None


class Namespace(MutableMapping[str, Any]):
    """The session's names over IPython's ``user_ns``.

    :param user_ns: the live global namespace; it is read and written in place, never replaced or patched.
    :param hidden: names with the values that IPython gave them (``user_ns_hidden``); a name rebound by the user belongs
        to the session all the same.
    :param outputs: IPython's output history, by execution count.
    :param hook: IPython's display hook, which remembers what it bound ``_``, ``__`` and ``___`` to.

    The state of the process (see :mod:`perdure.capture.world`) is in it too.
    """

    def __init__(
        self,
        user_ns: dict[str, Any],
        hidden: MutableMapping[str, Any] | None = None,
        outputs: dict[int, Any] | None = None,
        hook: Any = None,
    ) -> None:
        self.user_ns = user_ns
        self._hidden = hidden if hidden is not None else {}
        self._outputs = outputs if outputs is not None else {}
        self._hook = hook
        self._world = World()

    def snapshot(self, *, world: bool = True) -> dict[str, Any]:
        """All names of the session with their objects, at this moment.

        :param world: whether to look at the process's state anew; else it is what it was when last looked at.
        """
        hidden = self._hidden
        found = {
            name: value
            for name, value in list(self.user_ns.items())
            if not (
                type(name) is not str
                or name in _FOREIGN
                or (name[:1] == "_" and _INPUT_HISTORY.match(name))
                or (name in hidden and hidden[name] is value and name not in _LAST)
            )
        }
        found.pop("In", None)
        found.pop("Out", None)
        for count, value in list(self._outputs.items()):
            found[f"Out[{count}]"] = value
        found.update(self._world.snapshot() if world else self._world.last)
        for name in _LAST:
            if name in found and type(found[name]) is str and not found[name]:
                del found[name]  # IPython's own start value
        return found

    def __getitem__(self, name: str) -> Any:
        if is_world(name):
            return self._world.snapshot()[name]
        output = _OUTPUT.match(name)
        return self._outputs[int(output.group(1))] if output else self.user_ns[name]

    def __setitem__(self, name: str, value: Any) -> None:
        output = _OUTPUT.match(name)
        if is_world(name):
            self._world.put(name, value)
        elif output:
            shorthand = f"_{output.group(1)}"
            self._outputs[int(output.group(1))] = self.user_ns[shorthand] = self._hidden[shorthand] = value
        else:
            self.user_ns[name] = value
            if name in _LAST and self._hook is not None:
                self._hidden[name] = value  # else IPython takes it for the user's own and updates it no more
                setattr(self._hook, name, value)

    def __delitem__(self, name: str) -> None:
        output = _OUTPUT.match(name)
        if is_world(name):
            pass  # the process has a state all the same
        elif output:
            shorthand = f"_{output.group(1)}"
            value = self._outputs.pop(int(output.group(1)))
            if self._hidden.pop(shorthand, None) is value and self.user_ns.get(shorthand) is value:
                del self.user_ns[shorthand]
        elif name in _LAST:
            self[name] = ""
        else:
            del self.user_ns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.snapshot())

    def __len__(self) -> int:
        return len(self.snapshot())
