"""Verbs about who answers: models, use, price, audit, setup."""

from __future__ import annotations

from dataclasses import asdict

import click

from perdure.cot.batch import dollars
from perdure.errors import UsageError
from perdure.verbs.cot.group import Told, verb
from perdure.verbs.cot.request import CotRequest
from perdure.verbs.words import counted, span, table, typed_here


@verb()
def models(request: CotRequest) -> Told:
    """Show the master and the apprentice, with their prices."""
    cot = request.cot
    found = [("master", cot.master), ("apprentice", cot.apprentice)]
    rows, data = [], []
    for role, model in found:
        price = None if model is None else cot.cache.price(model.name) or model.price
        rows.append((role, "none" if model is None else model.name, "" if model is None else _price(price)))
        data.append(
            {"role": role, "model": None if model is None else model.name, "price": str(price) if price else None}
        )
    return Told("\n".join(table(rows)), data)


@verb()
@click.argument("which", required=False)
@click.option("--master", metavar="MODEL", help="embedded:master, openai:MODEL, transformers:PATH, or none.")
@click.option("--apprentice", metavar="MODEL", help="embedded:apprentice, openai:MODEL, transformers:PATH, or none.")
def use(request: CotRequest, which: str | None, master: str | None, apprentice: str | None) -> Told:
    """Choose who answers from now on, here and in later sessions; 'none' lets go of both models' memory.

    A model is named embedded:master, embedded:apprentice, transformers:PATH_OR_HUB_ID, openai:MODEL, or openai:MODEL@URL for
    a server of its own. Its key is read from OPENAI_API_KEY and never kept.
    """
    from perdure.cot.shared import choose

    cot = request.cot
    if which not in {None, "none"}:
        raise UsageError(f"Say whose place {which!r} takes: `%cot use --master {which}`, or --apprentice {which}")
    if which == "none":
        cot.unload()
        return Told("Both models are out of memory; the next question loads them again.", {"unloaded": True})
    chosen = choose(cot, master=master, apprentice=apprentice)
    text = f"The master is {chosen['master']}, the apprentice is {chosen['apprentice']}."
    return Told(text, chosen)


@verb()
@click.argument("model", required=False)
@click.argument("price", required=False)
def price(request: CotRequest, model: str | None, price: str | None) -> Told:
    """Say what a model costs: dollars for a million tokens in/out, such as 2.5/10, or 0.002/call.

    Without a PRICE, show it; budgets can't be kept for a model whose price nobody has said.
    """
    from perdure.cot.models.prices import parse

    cot = request.cot
    if model is not None and price is not None:
        cot.cache.set_price(model, parse(price))
    names = [model] if model else [found.name for found in (cot.master, cot.apprentice) if found is not None]
    own = {found.name: found.price for found in (cot.master, cot.apprentice) if found is not None}
    rows = [(name, _price(cot.cache.price(name) or own.get(name))) for name in names]
    return Told("\n".join(table(rows)), [{"model": name, "price": said} for name, said in rows])


@verb()
def audit(request: CotRequest) -> Told:
    """Show what checks have taught: the measured error of near matches, and how far the apprentice's confidence can be trusted."""
    found = request.cot.audits()
    rows = [
        (
            f"near matches, score from {band.low:.2f}",
            counted(band.audits, "check"),
            f"{band.wrong} wrong",
            f"bound {band.bound:.1%}",
            "given" if band.open else "not given",
        )
        for band in found.bands
    ]
    wrong = found.apprentice - found.apprentice_agreed
    rows.append(("apprentice", counted(found.apprentice, "check"), f"{wrong} wrong", "", ""))
    text = f"Near matches may be wrong {found.delta:.1%} of the time." if found.delta else "Near matches are off."
    return Told("\n".join([text, *table(rows)]), asdict(found))


@verb()
def setup(request: CotRequest) -> Told:
    """Find the models that are there (API keys, local servers, local checkpoints) and try one question on each.

    A question to a hosted model costs what its provider takes for it.
    """
    from perdure.cot.models.names import model
    from perdure.cot.models.setup import Kind, find, try_one

    rows, data = [], []
    for found in find():
        name = found.name if found.base_url is None or found.kind is Kind.KEY else f"{found.name}@{found.base_url}"
        outcome, seconds = "choose a model of theirs: openai:MODEL", 0.0
        if found.kind is not Kind.KEY and (chosen := model(name)) is not None:
            tried = try_one(chosen)
            outcome, seconds = f"says {tried.text!r}" if tried.answered else tried.text, tried.seconds
        rows.append((name, found.detail, span(seconds) if seconds else "", outcome))
        data.append({"model": name, "kind": found.kind.value, "seconds": seconds, "outcome": outcome})
    lines = table(rows) if rows else ["No model was found."]
    choose = typed_here("Choose with: `%cot use --master MODEL --apprentice MODEL`", kernel=request.asker is not None)
    return Told("\n".join([*lines, choose]), data)


def _price(price: object) -> str:
    from perdure.cot.models.model import Price

    if not isinstance(price, Price):
        return "price unknown"
    if price.prompt or price.completion:
        return f"{dollars(price.prompt)} / {dollars(price.completion)} for a million tokens in / out"
    return f"{dollars(price.call)} a call" if price.call else "free"
