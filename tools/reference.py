"""Write docs/reference.md from the code: commands, magics, settings, the Python face and the errors.

`--check` writes nothing and fails when the file is out of date or something has no documentation.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import click
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Undefined
from traitlets.config import Config, Configurable

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
#: Classes that users call. The others are given to them, or are plain data that their fields explain.
MADE_BY_USERS = {"cot.Cot"}
HEAD = """# Reference

*Written from the code by `make docs`; changes made here are lost.*
"""


class Reference:
    """The page as it grows, and what was found to have no documentation on the way."""

    def __init__(self) -> None:
        self.lines: list[str] = [HEAD]
        self.gaps: list[str] = []

    def add(self, text: str = "") -> None:
        """Append a paragraph."""
        self.lines.append(text.rstrip() + "\n")

    def table(self, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Append a table, if it has rows."""
        if rows:
            cells = [head, ("---",) * len(head), *rows]
            self.add("\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells))

    def documented(self, what: str, text: str | None) -> str:
        """Return a documentation text in Markdown, and note when there is none."""
        if not (text or "").strip():
            self.gaps.append(what)
            return "*No documentation.*"
        return markdown(inspect.cleandoc(text or ""))

    def text(self) -> str:
        """Return the whole page."""
        return "\n".join(self.lines)


def markdown(text: str) -> str:
    """Turn the conventions of click and of docstrings into Markdown: `Args:` and `:raises Error:` become lists."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    text = re.sub(r"^:param (\w+): *", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:(\w+) ([\w.]+): *", r"- \1 `\2`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:(\w+): *", r"- \1: ", text, flags=re.MULTILINE)
    text = text.replace("\b\n", "").replace("\f", "").replace("``", "`")
    out: list[str] = []
    section = False
    for line in text.splitlines():
        if re.fullmatch(r"(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):", line):
            section = True
            out += ["", line, ""]
        elif section and (item := re.match(r" {4}(\w+)( \([^)]*\))?: (.*)", line)):
            out.append(f"- `{item[1]}`{item[2] or ''}: {item[3]}")
        elif section and line.startswith("    "):
            out.append("  " + line.strip())
        else:
            section = section and not line.strip()
            out.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


# -- commands ------------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Walk through a group's commands, those of groups within it included."""
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def add_commands(page: Reference, group: click.Group) -> None:
    """Describe every command of the shell, which are the magics' verbs as well."""
    page.add("## Commands")
    page.add("`%dart VERB` in a notebook and `perdure VERB` in a shell take the same words.")
    page.add("`%cot VERB` in a notebook and `perdure cot VERB` in a shell take the same words.")
    page.add(page.documented("perdure", group.help))
    add_parameters(page, "perdure", group)
    for name, command in commands(group):
        if command.hidden:
            continue
        page.add(f"### {name}")
        usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
        page.add(f"    {name} {usage}".rstrip())
        page.add(page.documented(f"perdure {name}", command.help))
        add_parameters(page, f"perdure {name}", command)


def add_parameters(page: Reference, name: str, command: click.Command) -> None:
    """List a command's options with their help."""
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
            if not (option.is_flag or option.count):
                flags += f" {option.make_metavar(click.Context(command))}"
            rows.append((flags, one_line(page.documented(f"{name} {option.opts[-1]}", option.help))))
    page.table(("option", "does"), rows)


def one_line(text: str) -> str:
    """Join lines, for a table's cell."""
    return " ".join(text.split())


# -- magics --------------------------------------------------------------------------------------------------------


def registered_magics() -> dict[str, Callable[..., Any]]:
    """Load the extension into a shell of its own, and return the magics that this brings, by `%name` and `%%name`."""
    with tempfile.TemporaryDirectory(prefix="perdure-reference-") as folder:
        os.environ |= {"PERDURE_STORE": str(Path(folder) / "store"), "IPYTHONDIR": str(Path(folder) / "ipython")}
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"hist_file": ":memory:"}}))
        prefixes = {"line": "%", "cell": "%%"}
        before = {kind: set(shell.magics_manager.magics[kind]) for kind in prefixes}
        shell.extension_manager.load_extension("perdure")
        new = {
            prefix + name: function
            for kind, prefix in prefixes.items()
            for name, function in shell.magics_manager.magics[kind].items()
            if name not in before[kind]
        }
        shell.extension_manager.unload_extension("perdure")
        InteractiveShell.clear_instance()
    return new


def add_magics(page: Reference) -> None:
    """Describe the magics that the extension registers."""
    page.add("## Magics")
    for name, function in registered_magics().items():
        page.add(f"### {name}")
        page.add(page.documented(name, function.__doc__))


# -- settings ------------------------------------------------------------------------------------------------------


def add_settings(page: Reference) -> None:
    """Describe the traitlets that can be configured."""
    from perdure.jupyter import config

    page.add("## Settings")
    for name, value in vars(config).items():
        if inspect.isclass(value) and issubclass(value, Configurable) and value.__module__ == config.__name__:
            add_configurable(page, f"c.{name}", value)


def add_configurable(page: Reference, name: str, cls: type[Configurable]) -> None:
    """Describe what one class can be told."""
    page.add(page.documented(name, vars(cls).get("__doc__")))
    rows = []
    for key, trait in sorted(cls.class_own_traits(config=True).items()):
        default = "" if trait.default_value is Undefined else f"`{trait.default_value!r}`"
        rows.append((f"`{name}.{key}`", default, one_line(page.documented(f"{name}.{key}", trait.help))))
    page.table(("setting", "default", "means"), rows)


# -- the Python face -----------------------------------------------------------------------------------------------


def add_python(page: Reference) -> None:
    """Describe the public names of the package, and of `perdure.cot`."""
    import perdure
    import perdure.cot

    page.add("## Python")
    add_module(page, perdure)
    page.add("## Python: image questions")
    add_module(page, perdure.cot)


def add_module(page: Reference, module: ModuleType) -> None:
    """Describe the public names of a module."""
    page.add(page.documented(module.__name__, module.__doc__))
    inner = module.__name__.removeprefix("perdure").lstrip(".")
    for name in module.__all__:
        value = getattr(module, name)
        called = f"{inner}.{name}" if inner else name
        if inspect.isclass(value):
            add_class(page, called, value)
        elif isinstance(value, GenericAlias):
            page.add(f"### perdure.{called}")
            home = inspect.getmodule(value.__args__[0])
            page.add(f"    {name} = {re.sub(r'[a-z_.]+[.](?=[A-Z])', '', str(value))}")
            page.add(page.documented(f"perdure.{called}", home and field_notes(home).get(name)))
        elif callable(value):
            page.add(f"### perdure.{called}")
            page.add(f"    {name}{signature(value)}")
            page.add(page.documented(f"perdure.{called}", value.__doc__))
        elif not inspect.ismodule(value) and not name.startswith("__"):
            page.gaps.append(f"perdure.{called} (neither a class nor a function)")


def signature(function: Callable[..., Any]) -> str:
    """Return a signature as it is written, without `self` or `cls`."""
    given = inspect.signature(function)
    kept = [p for name, p in given.parameters.items() if name not in {"self", "cls"}]
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(given.replace(parameters=kept)))
    return re.sub(r"<\w+\.\w+: '?(\w+)'?>", r"'\1'", text).replace("= Ellipsis", "= ...")


def add_class(page: Reference, name: str, cls: type) -> None:
    """Describe a class with its public fields, properties and methods."""
    page.add(f"### perdure.{name}")
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
    if name in MADE_BY_USERS:
        parameters = re.findall(r"^:param (\w+):", doc, re.MULTILINE)
        page.add(f"    {cls.__name__}{signature(cls.__init__).removesuffix(' -> None')}")
        untold = [name for name in inspect.signature(cls).parameters if name not in parameters]
        page.gaps += [f"perdure.{name} (parameter {parameter})" for parameter in untold]
    page.add(page.documented(f"perdure.{name}", doc))
    bases = [base.__name__ for base in cls.__bases__ if base.__module__.split(".")[0] == "perdure"]
    if bases:
        page.add(f"It has all that `{'` and `'.join(bases)}` has, and:")
    notes = field_notes(cls)
    rows = []
    if issubclass(cls, Enum):
        values = [(f"`{name}.{key}`", f"`{value.value!r}`", notes.get(key)) for key, value in cls.__members__.items()]
        page.table(
            ("name", "value", "means"),
            [(key, value, one_line(page.documented(key.strip("`"), told))) for key, value, told in values],
        )
    for field, kind in inspect.get_annotations(cls).items():
        if not field.startswith("_"):
            told = notes.get(field) or see_above(field, doc)
            kind_text = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
            rows.append((f"`{field}`", f"`{kind_text}`", one_line(page.documented(f"{name}.{field}", told))))
    members = [(key, value) for key, value in vars(cls).items() if not key.startswith("_")]
    for key, value in members:
        if isinstance(value, property | cached_property):
            getter = value.fget if isinstance(value, property) else value.func
            kind_text = str(inspect.get_annotations(getter).get("return", "")) if getter else ""
            told = value.__doc__ or see_above(key, doc)
            rows.append((f"`{key}`", f"`{kind_text}`", one_line(page.documented(f"{name}.{key}", told))))
    page.table(("attribute", "type", "is"), rows)
    for key, value in members:
        function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if inspect.isfunction(function):
            page.add(f"#### {name}.{key}")
            page.add(f"    {key}{signature(function)}")
            page.add(page.documented(f"{name}.{key}", function.__doc__))


def see_above(name: str, doc: str) -> str | None:
    """Refer to the class's own documentation, if that has the name."""
    return "see above" if re.search(rf"\b{name}\b", doc) else None


def field_notes(owner: type | ModuleType) -> dict[str, str]:
    """Return what `#:` comments (above or behind) and strings below say about the names set in a class or module."""
    try:
        lines = textwrap.dedent(inspect.getsource(owner)).splitlines()
    except (OSError, TypeError):
        return {}
    parsed = ast.parse("\n".join(lines))
    body = parsed if inspect.ismodule(owner) else parsed.body[0]
    notes: dict[str, str] = {}
    statements = body.body if isinstance(body, ast.ClassDef | ast.Module) else []
    for at, node in enumerate(statements):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if not (len(targets) == 1 and isinstance(targets[0], ast.Name)):
            continue
        note = [lines[node.lineno - 1].partition("#:")[2].strip()]
        above = node.lineno - 2
        while lines[above].strip().startswith("#:"):
            note.insert(0, lines[above].strip().removeprefix("#:").strip())
            above -= 1
        below = statements[at + 1] if at + 1 < len(statements) else None
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            note.append(below.value.value)
        notes[targets[0].id] = " ".join(part for part in note if part)
    return notes


def add_errors(page: Reference) -> None:
    """Describe the tree of errors."""
    from perdure import errors

    page.add("## Errors")
    page.add("All are in `perdure.errors`, grouped by what a handler would do about them.")

    def branch(cls: type, depth: int) -> Iterator[str]:
        text = one_line(page.documented(f"perdure.errors.{cls.__name__}", vars(cls).get("__doc__")))
        yield f"{'  ' * depth}- `{cls.__name__}`: {text}"
        for child in cls.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from branch(child, depth + 1)

    page.add("\n".join(branch(errors.PerdureError, 0)))


def build() -> Reference:
    """Read the code and make the page of it."""
    from perdure.cli import main as group

    page = Reference()
    add_commands(page, group)
    add_magics(page)
    add_settings(page)
    add_python(page)
    add_errors(page)
    return page


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page would change")
    check = parser.parse_args().check
    page = build()
    for gap in page.gaps:
        print(f"No documentation: {gap}", file=sys.stderr)
    if not check:
        TARGET.write_text(page.text(), encoding="utf-8")
        print(f"Wrote docs/{TARGET.name}.")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page.text():
        print(f"docs/{TARGET.name} is out of date. Run `make docs`.", file=sys.stderr)
        return 1
    return 1 if page.gaps else 0


if __name__ == "__main__":
    sys.exit(main())
