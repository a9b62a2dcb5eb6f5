"""An answer as people see it: rich in a notebook, a few lines in a terminal.

What others wrote (questions, answers, names) is shown as text, whatever it holds. The HTML needs no script and no style sheet; its colours are
JupyterLab's where they are there, and otherwise the page's own, so that it reads on light and dark.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Final

from perdure.cot.answer import Answer, Example, Source

Thumbnail = Callable[[str], bytes | None]
"""The picture of a key, encoded, if it is kept."""

_LABEL: Final = {
    Source.EXACT: "exact hit",
    Source.NEAR: "near match",
    Source.APPRENTICE: "apprentice",
    Source.MASTER: "master",
}
_MARK: Final = {
    Source.EXACT: "var(--jp-success-color1, #388e3c)",
    Source.NEAR: "var(--jp-info-color1, #0097a7)",
    Source.APPRENTICE: "var(--jp-warn-color1, #f57c00)",
    Source.MASTER: "var(--jp-brand-color1, #1976d2)",
}
_TEXT: Final = "color: var(--jp-ui-font-color1, inherit)"
_FAINT: Final = "color: var(--jp-ui-font-color1, inherit); opacity: 0.75"
_EDGE: Final = "var(--jp-border-color2, rgba(128, 128, 128, 0.5))"
_PILL: Final = "display: inline-block; padding: 0 8px; border-radius: 10px; margin-right: 6px; border: 1px solid"

_WRAP: Final = "white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate"
_PICTURES: Final = 4
_LONGEST: Final = 4000
_TURNING: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of writing, and could so make a text read as another."""
_SIGNATURES: Final = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}


def html(answer: Answer, thumbnail: Thumbnail | None = None) -> str:
    """The answer as HTML: pictures, question, answer, where it came from, what it cost and why.

    ``thumbnail`` gives the pictures; without one they are looked for in the answer's cache.
    """
    said = shown_value(answer, indent=2)
    badges = [_pill(_LABEL[answer.source], _MARK[answer.source])]
    if is_demo(answer):
        badges.append(_pill("demo model", _EDGE))
    words = f'<span style="{_FAINT}">{_text(" · ".join(_facts(answer)))}</span>'
    tag = "pre" if isinstance(answer.value, (dict, list)) else "div"
    frame = (
        f"{_TEXT}; font-family: var(--jp-ui-font-family, sans-serif); font-size: 14px; line-height: 1.5; max-width: 60em; "
        f"border-left: 3px solid {_MARK[answer.source]}; padding: 4px 0 4px 12px"
    )
    return "".join(
        (
            f'<div class="perdure-answer" style="{frame}">',
            _pictures(answer, thumbnail or kept(answer)),
            f'<div style="{_FAINT}; {_WRAP}">{_text(answer.question)}</div>',
            f'<{tag} style="{_TEXT}; font-size: 18px; margin: 4px 0; background: none; {_WRAP}">{_text(said)}</{tag}>',
            f"<div>{''.join(badges)}{words}</div>",
            _why(answer, said),
            "</div>",
        )
    )


def plain(answer: Answer) -> str:
    """The answer for a terminal, in one to three lines: the answer, where it came from with what it cost, and why."""
    said = shown_value(answer)
    label = _LABEL[answer.source] + (", demo model" if is_demo(answer) else "")
    lines = [_line(said) or "(nothing)", _line(f"  {label} · {' · '.join(_facts(answer))}")]
    if answer.why:
        lines.append(_line(f"  {answer.why}"))
    return "\n".join(lines)


def shown_value(answer: Answer, *, indent: int | None = None) -> str:
    """The words of the answer: its value, where the text has more than that."""
    value = answer.value
    if isinstance(value, (dict, list)):
        return json.dumps(value, indent=indent, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    return value if isinstance(value, str) else answer.text


def is_demo(answer: Answer) -> bool:
    """Was it one of the small models that come with perdure?"""
    return answer.model.startswith("embedded")


def kept(answer: Answer) -> Thumbnail:
    """Thumbnails from the cache that the answer names; none if it is gone."""
    found: dict[str, bytes | None] = {}
    if answer.pictures and answer.cache and Path(answer.cache).is_dir():
        try:
            from perdure.cot.cache import Cache

            with Cache.open(answer.cache, read_only=True) as cache:
                found = {key: cache.thumbnail(key) for key in answer.pictures[:_PICTURES]}
        except Exception:  # noqa: BLE001 - an answer must be readable whatever has happened to the cache
            pass
    return found.get


def _facts(answer: Answer) -> list[str]:
    facts = [answer.model or "unknown model", money(answer.cost), duration(answer.latency)]
    if answer.confidence is not None:
        facts.append(f"confidence {answer.confidence:.0%}")
    return facts


def money(dollars: float) -> str:
    """Dollars with as many digits as tell something."""
    if dollars <= 0:
        return "no cost"
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.2g}" if dollars >= 1e-4 else "under $0.0001"


def duration(seconds: float) -> str:
    """Seconds or milliseconds, whichever reads better."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _pictures(answer: Answer, thumbnail: Thumbnail) -> str:
    shown = []
    for place, key in enumerate(answer.pictures[:_PICTURES], start=1):
        uri = _data_uri(thumbnail, key)
        if uri is not None:
            shown.append(
                f'<img src="{uri}" alt="picture {place}" style="max-height: 96px; max-width: 160px; margin: 0 6px 4px 0; '
                f'border: 1px solid {_EDGE}; vertical-align: top">'
            )
    rest = len(answer.pictures) - len(shown)
    if rest and shown:
        shown.append(f'<span style="{_FAINT}">and {rest} more</span>')
    elif rest:
        count = "1 picture" if rest == 1 else f"{rest} pictures"
        shown.append(f'<span style="{_FAINT}">{count}, not kept in the cache</span>')
    return f"<div>{''.join(shown)}</div>" if shown else ""


def _data_uri(thumbnail: Thumbnail, key: str) -> str | None:
    try:
        data = thumbnail(key)
    except Exception:  # noqa: BLE001 - as in `kept`: whoever gives thumbnails may fail
        return None
    kind = next((kind for signature, kind in _SIGNATURES.items() if data and data.startswith(signature)), None)
    return None if kind is None or data is None else f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _why(answer: Answer, said: str) -> str:
    rows: dict[str, str] = {}
    if answer.text.strip() != said:
        rows["reply"] = answer.text
    if answer.value is None and answer.text:
        rows["form"] = "not the one asked for"
    if answer.reasoning:
        rows["reasoning"] = answer.reasoning
    rows["model"] = " ".join(filter(None, (answer.model, answer.model_version, f"(prompt {answer.prompt_version})")))
    if answer.tokens.prompt or answer.tokens.completion:
        rows["tokens"] = f"{answer.tokens.prompt:,} in, {answer.tokens.completion:,} out"
    rows["id"] = answer.id
    parts = [f'<div style="{_WRAP}">{_text(answer.why)}</div>' if answer.why else "", _table(rows), _examples(answer)]
    return (
        f'<details style="margin-top: 4px"><summary style="cursor: pointer; {_FAINT}">why</summary>'
        f'<div style="{_TEXT}; font-size: 13px; padding: 4px 0 0 12px">{"".join(parts)}</div></details>'
    )


def _table(rows: Mapping[str, str]) -> str:
    lines = (
        f'<div style="{_WRAP}"><span style="{_FAINT}">{name}:</span> {_text(value)}</div>'
        for name, value in rows.items()
    )
    return "".join(lines)


def _examples(answer: Answer) -> str:
    if not answer.examples:
        return ""
    title = "the kept question" if answer.source in {Source.NEAR, Source.EXACT} else "examples shown to the model"
    items = "".join(f'<li style="{_WRAP}">{_example(example)}</li>' for example in answer.examples)
    return f'<div style="{_FAINT}">{title}:</div><ul style="margin: 0; padding-left: 20px">{items}</ul>'


def _example(example: Example) -> str:
    return (
        f'<bdi>{_text(example.question)}</bdi> → <bdi>{_text(example.answer)}</bdi> <span style="{_FAINT}">(similarity {example.similarity:.2f}, '
        f"{_text(example.entry)})</span>"
    )


def _pill(words: str, colour: str) -> str:
    return f'<span style="{_PILL} {colour}; {_TEXT}">{words}</span>'


def _text(text: str) -> str:
    return escape(
        _visible(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text) - _LONGEST:,} characters more)")
    )


def _line(text: str) -> str:
    """One line; a terminal obeys control characters, so they are shown instead."""
    line = " ".join(text.split()) if not text.startswith("  ") else "  " + " ".join(text.split())
    return _visible(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}...")


def _visible(text: str) -> str:
    """Control characters, half characters and those that turn the direction of writing, as a mark."""
    return "".join(
        "\ufffd" if each in _TURNING or (unicodedata.category(each) in {"Cc", "Cs"} and each not in "\n\t") else each
        for each in text
    )
