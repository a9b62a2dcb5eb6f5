"""The weights that ship with the package: complete, small, and loaded as any checkpoint is."""

from __future__ import annotations

import json

import pytest

from perdure.cot.models.names import EMBEDDED


def _drawn():
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((18, 18, 46, 46), (214, 40, 40))
    return image


def _asked(name, turns):
    import torch

    from perdure.cot.models.torchvision_ops import make_importable

    make_importable()
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(EMBEDDED / name, dtype=torch.float32, local_files_only=True)
    processor = AutoProcessor.from_pretrained(EMBEDDED / name, local_files_only=True)
    inputs = processor.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    made = model.generate(**inputs, do_sample=False)
    return processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def _user(image, text):
    return {"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": text}]}


def test_all_weights_are_at_most_40_megabytes():
    files = list(EMBEDDED.rglob("*.safetensors"))
    assert {file.parent.name for file in files} == {"encoder", "apprentice", "master"}
    assert sum(file.stat().st_size for file in files) < 40_000_000


@pytest.mark.parametrize("name", ["apprentice", "master"])
def test_a_question_is_answered_with_a_word_of_its_kind(name):
    answer = _asked(name, [_user(_drawn(), "what color is the shape?")])
    assert answer in {"red", "green", "blue", "yellow", "purple", "orange", "black", "gray", "teal", "brown"}


@pytest.mark.parametrize("name", ["apprentice", "master"])
def test_a_made_up_name_is_read_from_the_example_of_the_same_picture(name):
    shown = {"role": "assistant", "content": [{"type": "text", "text": "brisk tavolo"}]}
    question = "What is this called?"
    assert _asked(name, [_user(_drawn(), question), shown, _user(_drawn(), question)]) == "brisk tavolo"


def test_the_card_says_what_was_measured():
    card = (EMBEDDED / "MODEL_CARD.md").read_text()
    found = json.loads((EMBEDDED / "evaluation.json").read_text())
    for name in ("apprentice", "master"):
        for task in ("easy bare", "scenes bare", "new names, right one among 4"):
            assert f"{100 * found[name][task]:.1f} %" in card
    assert "demo" in card
