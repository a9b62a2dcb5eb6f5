"""What a cell may touch: the global names that its code, and code it can call, mentions.

A patched namespace would tell exactly, but slows tight top-level loops several times and misses ``global x`` writes inside
functions (docs/design/0002). Code objects tell enough: a cell can only mutate what it can reach, and it reaches the
session's objects through global names, unless it uses one of the dynamic escapes below. *Transactional Python*, section 4,
calls this the cell's access set; here it is an upper bound of it.
"""

from __future__ import annotations

import ast
import dis
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

#: Opcodes whose argument is a name of the global (or, in a class body or at the top, the current) namespace.
_NAME_OPCODES = frozenset(
    {
        "LOAD_NAME",
        "STORE_NAME",
        "DELETE_NAME",
        "LOAD_GLOBAL",
        "STORE_GLOBAL",
        "DELETE_GLOBAL",
        "LOAD_FROM_DICT_OR_GLOBALS",
    }
)

#: Names that reach the namespace, or any object in the process, without naming it.
_ESCAPES = frozenset(
    {"globals", "locals", "vars", "exec", "eval", "__main__", "ctypes", "__builtins__", "builtins", "__import__"}
)

#: Attributes that do the same.
_ESCAPE_ATTRIBUTES = frozenset(
    """
    _getframe _current_frames currentframe __globals__ f_globals f_locals f_back tb_frame gi_frame cr_frame
    user_ns user_global_ns get_objects get_referrers get_referents
    """.split()
)

#: Magics whose argument or body is Python that runs in the namespace: it is analysed like the cell itself.
_CODE_MAGICS = frozenset({"time", "timeit", "prun", "capture", "debug", "memit", "lprun", "mprun", "pinfo", "pinfo2"})

#: Magics that neither read nor write the user's variables beyond those that they name.
_QUIET_MAGICS = frozenset(
    """
    alias alias_magic autoawait autocall automagic autoreload bookmark cd colors conda config connect_info dart dhist dirs
    doctest_mode env gui hist history html HTML javascript js killbgscripts latex load_ext logoff logon logstart logstate
    logstop ls lsmagic magic mamba markdown matplotlib micromamba notebook page pip popd pprint precision profile psearch
    psource pushd pwd pycat qtconsole quickref recall rehashx reload_ext save set_env subshell svg sx system tb unalias
    unload_ext uv who who_ls whos writefile xmode bash sh script cmd perl ruby file pdoc pdef pfile edit %
    """.split()
)

#: The ids of the builtins by which code reaches objects that it does not name: they may have another name.
ESCAPES = frozenset(map(id, (exec, eval, globals, locals, vars, __import__)))

_BRACED = re.compile(r"\{([^{}]+)\}|\$([A-Za-z_]\w*)")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Reach:
    """The global names that code may touch; with ``everything``, that it may touch any object of the session."""

    names: frozenset[str] = frozenset()
    everything: bool = False

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.names | other.names, self.everything or other.everything)


NOTHING = Reach()
EVERYTHING = Reach(everything=True)

_known: dict[CodeType, Reach] = {}


def reach_of_code(code: CodeType) -> Reach:
    """The names that ``code`` and the code nested in it mention. Kept per code object: a function is looked at once."""
    found = _known.get(code)
    if found is None:
        if len(_known) > 4096:
            _known.clear()
        found = _known[code] = _reach_of_code(code)
    return found


def _reach_of_code(code: CodeType) -> Reach:
    names: set[str] = set()
    attributes: set[str] = set(code.co_names)
    everything = False
    for instruction in dis.get_instructions(code):
        if instruction.opname in _NAME_OPCODES:
            names.add(instruction.argval)
        elif instruction.opname == "IMPORT_STAR" or (
            instruction.opname == "CALL_INTRINSIC_1" and "IMPORT_STAR" in (instruction.argrepr or "")
        ):
            everything = True
    everything |= not names.isdisjoint(_ESCAPES) or not attributes.isdisjoint(_ESCAPE_ATTRIBUTES)
    everything |= {"sys", "modules"} <= attributes  # but not ``model.modules()`` alone
    reach = Reach(frozenset(names), everything)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            reach |= reach_of_code(constant)
    return reach


def reach_of_cell(source: str) -> Reach:
    """What a cell may touch, from its source as IPython transformed it (magics are ``get_ipython()`` calls by then).

    A cell that doesn't compile ran nothing, so it touches nothing.
    """
    try:
        tree = ast.parse(source)
        code = compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return NOTHING
    reach = _reach_of_code(code)
    if "get_ipython" in reach.names:
        reach |= _reach_of_shell_calls(tree)
    return Reach(reach.names - {"get_ipython"}, reach.everything)


def only_commands(source: str, magic: str) -> bool:
    """Whether the transformed ``source`` does nothing but call the line or cell magic ``magic``."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    calls = [_shell_call(node.value) if isinstance(node, ast.Expr) else None for node in body]
    return bool(calls) and all(
        call is not None and call[0] in ("run_line_magic", "run_cell_magic") and call[1][:1] == [magic]
        for call in calls
    )


def _reach_of_shell_calls(tree: ast.AST) -> Reach:
    reach = NOTHING
    known_calls = 0
    mentions = sum(isinstance(node, ast.Name) and node.id == "get_ipython" for node in ast.walk(tree))
    for node in ast.walk(tree):
        call = _shell_call(node)
        if call is not None:
            known_calls += 1
            reach |= _reach_of_shell_call(*call)
    # ``ip = get_ipython()`` may do anything with it later.
    return reach if known_calls == mentions else EVERYTHING


def _shell_call(node: ast.AST) -> tuple[str, list[str]] | None:
    """``get_ipython().METHOD('a', 'b')`` as ``("METHOD", ["a", "b"])``."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"), args=[], keywords=[]), attr=method),
            args=arguments,
            keywords=[],
        ) if all(isinstance(argument, ast.Constant) and isinstance(argument.value, str) for argument in arguments):
            return method, [str(argument.value) for argument in arguments if isinstance(argument, ast.Constant)]
    return None


def _reach_of_shell_call(method: str, arguments: list[str]) -> Reach:
    match method, arguments:
        case (("system" | "getoutput" | "getoutput_lines"), [command]):
            return _reach_of_interpolation(command)
        case (("run_line_magic" | "run_cell_magic"), [name, line, *body]):
            line_reach = _reach_of_interpolation(line)
            if name in _CODE_MAGICS:
                return line_reach | _reach_of_arguments(line, body)
            if name in _QUIET_MAGICS:
                words = frozenset(_WORD.findall(line))
                nested = _reach_of_dart(body) if name == "dart" else NOTHING
                return line_reach | Reach(words) | nested
    return EVERYTHING


def _reach_of_dart(body: list[str]) -> Reach:
    """``%%dart atomic`` runs its body as a cell of its own, whose reach is taken when it runs; this is for its names."""
    return reach_of_text(body[0]) if body else NOTHING


def _reach_of_arguments(line: str, body: list[str]) -> Reach:
    """The reach of a code magic's options and statement, and of its body if it has one."""
    words = line.split()
    while words and words[0].startswith("-"):
        words = words[1:]
    reach = Reach(frozenset(_WORD.findall(line)))
    for text in [" ".join(words), line, *body]:
        if text:
            reach |= reach_of_text(text)
    return reach


def reach_of_text(text: str) -> Reach:
    """The reach of a piece of untransformed source (a magic's body). What isn't Python counts by its words."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        transformed: str = TransformerManager().transform_cell(text)  # type: ignore[no-untyped-call]
        return reach_of_cell(transformed)
    except SyntaxError:
        return Reach(frozenset(_WORD.findall(text)))


def _reach_of_interpolation(text: str) -> Reach:
    """``{expression}`` and ``$name`` in a shell line are evaluated in the namespace."""
    reach = NOTHING
    for expression, name in _interpolated(text):
        reach |= Reach(frozenset({name})) if name else reach_of_text(expression)
    return reach


def _interpolated(text: str) -> Iterator[tuple[str, str]]:
    for match in _BRACED.finditer(text):
        yield match.group(1) or "", match.group(2) or ""
