"""Putting together what answers: from options, a cache and two models."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from perdure.cot.asking.library import Library
from perdure.cot.asking.matching import MEASURE, Matching
from perdure.cot.asking.options import Options
from perdure.cot.asking.path import Path
from perdure.cot.cache import Cache
from perdure.cot.calling.calls import Calls
from perdure.cot.calling.trouble import Trouble
from perdure.cot.index.embedding import Encoder
from perdure.cot.judgement.confidence import Confidence
from perdure.cot.judgement.near import Calibration
from perdure.cot.judgement.router import ConfidenceRouter, RandomRouter, Router
from perdure.cot.models.model import Model
from perdure.cot.search.kept import Kept
from perdure.cot.search.retrieval import Retriever

VARIABLE: Final = "PERDURE_CHROMA_TOKEN"
"""The variable of the environment that has the token of a team's Chroma server."""


def assembled(
    options: Options,
    cache: Cache,
    master: Model | None,
    apprentice: Model | None,
    encoder: Encoder,
    chroma: str | None,
) -> Path:
    """The path, with everything that it has learned so far.

    :param chroma: URL of a Chroma server; None for one of our own beside the cache.
    """
    if options.k is None and (examples := getattr(apprentice, "examples", None)) is not None:
        options = replace(options, k=examples)
    place = chroma or cache.folder / "chroma"
    token = os.environ.get(VARIABLE, "") if chroma else ""
    retriever = Retriever(Kept(cache, encoder), encoder, place, token=token, cache=cache.identity)
    library = Library(options, cache, encoder, retriever)
    name = "" if master is None else master.name
    near = [(audit.score, audit.agreed) for audit in cache.audits("near", name, MEASURE)]
    matching = Matching(library, cache, Calibration(options.delta, near), name)
    other = "" if apprentice is None else apprentice.name
    learned = [(audit.features, audit.agreed) for audit in cache.audits("apprentice", name, other)]
    share = options.random_share
    router: Router = ConfidenceRouter(options.enough) if share is None else RandomRouter(share)
    trouble = Trouble()
    calls = Calls(cache, options.budget, options.concurrency, trouble)
    confidence = Confidence(learned)
    return Path(options, cache, library, calls, matching, trouble, confidence, router, master, apprentice)
