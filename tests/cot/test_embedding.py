"""Encoders: what they make of pictures and texts, with a small CLIP model of random weights in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cot.encoders import CONFIG, write_encoder
from perdure.cot.index.embedding import (
    CheckpointEncoder,
    OpenClipEncoder,
    fused,
    picture_vector,
    question_vectors,
)
from perdure.cot.index.encoders import embedded_encoder, encoder_named
from perdure.cot.picture import Picture
from perdure.cot.questions.question import question
from perdure.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> OpenClipEncoder:
    return OpenClipEncoder(folder)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> Picture:
    return Picture(Image.new("RGB", size, colour))


def test_reading_a_folder_imports_nothing_heavy(folder: Path) -> None:
    source = (
        "import sys; from perdure.cot.index.embedding import OpenClipEncoder\n"
        f"encoder = OpenClipEncoder({str(folder)!r}); assert encoder.dimensions == 32 and encoder.name == 'small'\n"
        "print(sorted({'torch', 'open_clip', 'numpy', 'PIL'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_rows_are_unit_vectors_in_the_order_asked(encoder: OpenClipEncoder) -> None:
    many = [picture((red, 80, 200 - red)) for red in range(0, 200, 2)]
    rows = encoder.pictures(many)
    assert rows.shape == (100, 32)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.pictures([many[70]])[0], rows[70], atol=1e-5)
    texts = encoder.texts(["what colour is the circle?", "how many squares?"])
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert abs(float(texts[0] @ texts[1])) < 0.9999


def test_none_of_nothing(encoder: OpenClipEncoder) -> None:
    assert encoder.texts([]).shape == (0, 32)
    assert encoder.pictures([]).shape == (0, 32)


def test_two_encoders_of_one_folder_agree_to_the_bit(folder: Path, encoder: OpenClipEncoder) -> None:
    other = OpenClipEncoder(folder)
    seen = [picture((9, 8, 7)), picture((1, 2, 3), (7, 90))]
    assert np.array_equal(other.pictures(seen), encoder.pictures(seen))
    assert np.array_equal(other.texts(["name this flag"]), encoder.texts(["name this flag"]))


def test_spellings_of_one_question_are_one_text(encoder: OpenClipEncoder) -> None:
    rows = encoder.texts(["What colour is the circle?", "what  colour is the circle", "what colour is not the circle"])
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_a_long_text_is_cut_and_an_unknown_word_is_a_word(encoder: OpenClipEncoder) -> None:
    assert np.isfinite(encoder.texts(["what " * 5_000, "zzz", "é", "."])).all()


def test_nothing_is_encoded_twice(folder: Path) -> None:
    import torch

    encoder = OpenClipEncoder(folder)
    one, other = picture((5, 5, 5)), picture((6, 6, 6))
    encoder.pictures([one])
    passes: list[int] = []
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, taken, _: passes.append(len(taken[0])) if type(module).__name__ == "VisionTransformer" else None
    )
    try:
        first = encoder.pictures([one, other, one, Picture(other.image.copy())])
        again = encoder.pictures([other, one])
    finally:
        hook.remove()
    assert passes == [1]
    assert np.array_equal(first[1], again[0])


def test_threads_may_share_it(folder: Path, encoder: OpenClipEncoder) -> None:
    fresh = OpenClipEncoder(folder)
    texts = [f"how many {word} squares" for word in ["red", "blue", "green", "left"]]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda at: fresh.texts([texts[at % 4]])[0], range(32)))
    for at, row in enumerate(got):
        np.testing.assert_allclose(row, encoder.texts([texts[at % 4]])[0], atol=1e-5)


def test_torch_is_left_as_it_was(folder: Path) -> None:
    import torch

    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    OpenClipEncoder(folder).texts(["what is there"])
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_the_encoder_forgets_and_loads_again(folder: Path) -> None:
    encoder = OpenClipEncoder(folder)
    before = encoder.texts(["left of"])
    encoder.close()
    assert np.array_equal(encoder.texts(["left of"]), before)
    assert encoder.texts(["right of"]).shape == (1, 32)


def test_a_fused_vector_holds_both_halves() -> None:
    left, right = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    both = fused(left, right)
    np.testing.assert_allclose(both, [0.5**0.5, 0, 0, 0.5**0.5], atol=1e-6)
    np.testing.assert_allclose(fused(None, right), [0, 0, 0, 0.5**0.5], atol=1e-6)
    assert both.dtype == np.float32


def test_several_pictures_are_their_mean() -> None:
    rows = np.eye(2, dtype=np.float32)
    mean = picture_vector(rows)
    assert mean is not None
    np.testing.assert_allclose(mean, [0.5**0.5, 0.5**0.5], atol=1e-6)
    assert picture_vector(rows[:0]) is None


def test_a_question_without_pictures_has_a_text_vector_alone(encoder: OpenClipEncoder) -> None:
    seen, text = question_vectors(encoder, question("what is this"))
    assert seen is None
    assert text.shape == (32,)
    seen, _ = question_vectors(encoder, question("what is this", [picture((1, 1, 1)), picture((200, 1, 1))]))
    assert seen is not None
    assert np.linalg.norm(seen) == pytest.approx(1, abs=1e-5)


def test_a_name_gives_one_encoder_for_the_process(folder: Path) -> None:
    assert encoder_named(str(folder)) is encoder_named(str(folder))


@pytest.mark.parametrize("name", ["nowhere", "open_clip:ViT-B-32"])
def test_an_encoder_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        encoder_named(name)


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder")
    (folder / "open_clip_config.json").write_text("{")
    with pytest.raises(UsageError, match=r"open_clip_config\.json"):
        OpenClipEncoder(folder)


def test_a_checkpoint_of_open_clips_own(tmp_path: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    (tmp_path / "tiny-test.json").write_text(
        json.dumps({**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "vocab_size": 49408}})
    )
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-test")
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()}, tmp_path / "weights.safetensors"
    )
    encoder = encoder_named(f"open_clip:tiny-test@{tmp_path / 'weights.safetensors'}")
    assert isinstance(encoder, CheckpointEncoder)
    assert (encoder.name, encoder.dimensions) == ("open_clip:tiny-test", 32)
    assert encoder.pictures([picture((1, 2, 3))]).shape == (1, 32)
    assert encoder.texts(["a flag"]).shape == (1, 32)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkpoint"):
        encoder_named(f"open_clip:ViT-B-32@{tmp_path / 'gone.pt'}")


def test_the_hub_is_never_asked(folder: Path) -> None:
    source = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from perdure.cot.index.embedding import OpenClipEncoder\n"
        f"print(OpenClipEncoder({str(folder)!r}).texts(['a']).shape)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False, env=environment)
    assert ran.stdout.strip() == "(1, 32)", ran.stderr


def test_the_shipped_encoder_tells_like_from_unlike() -> None:
    shipped = embedded_encoder()
    assert shipped is encoder_named("embedded")
    one, like, other = shipped.texts(
        ["What colour is the circle?", "which colour does the circle have", "how many squares are there"]
    )
    assert one @ like > one @ other
    red, reddish, green = shipped.pictures([picture((220, 0, 0)), picture((200, 20, 10)), picture((0, 180, 0))])
    assert red @ reddish > red @ green
