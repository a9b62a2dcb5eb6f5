"""Apprentice and master: LLaVA as `transformers` has it, small. The apprentice's eyes begin as the encoder's; the master begins
as the apprentice, grown so that it says the same (after *Net2Net*, arXiv 1511.05641), and goes on learning from there.

The picture's class token and its patches go to the language model (``vision_feature_select_strategy="full"``): 17 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.embedded import augment, circuits
from benchmarks.embedded.tokenizer import ASSISTANT, END, IMAGE, PAD, USER

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from torch.nn import Module


@dataclass(frozen=True, slots=True)
class Size:
    """How large a model is: layers, and the width inside of them, of its language and of its eyes."""

    layers: int
    inner: int
    eye_layers: int
    eye_inner: int


WIDTH: Final = 128
SIZES: Final = {"apprentice": Size(4, 256, 6, 512), "master": Size(6, 384, 12, 1024)}
"""The master has more of its size in its eyes: a picture is seen once and read about often."""
LONGEST: Final = 2_048

TEMPLATE: Final = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    + USER
    + "{%- elif message['role'] == 'assistant' -%}"
    + ASSISTANT
    + "{%- endif -%}"
    "{%- if message['role'] != 'system' -%}"
    "{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}" + IMAGE + "{%- elif part['type'] == 'text' -%}{{ part['text'] }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- endif -%}"
    "{%- if message['role'] == 'assistant' -%}" + END + "{%- endif -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}" + ASSISTANT + "{%- endif -%}"
)
"""``<user><image>question<assistant>answer<end>``, over and over. There is no system turn."""


def build(size: Size, words: Tokenizer, seen: dict[str, Any]) -> Module:
    """A model with random weights; ``seen`` is the ``vision_cfg`` of the encoder, whose eyes it has."""
    from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration, Qwen2Config

    vision = CLIPVisionConfig(
        hidden_size=seen["width"],
        intermediate_size=size.eye_inner,
        num_hidden_layers=size.eye_layers,
        num_attention_heads=seen["width"] // seen["head_width"],
        image_size=seen["image_size"],
        patch_size=seen["patch_size"],
        projection_dim=seen["width"],
        hidden_act="gelu",
    )
    end, pad = words.token_to_id(END), words.token_to_id(PAD)
    text = Qwen2Config(
        vocab_size=words.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": circuits.THETA},
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        pad_token_id=pad,
        bos_token_id=None,
        eos_token_id=end,
    )
    image = words.token_to_id(IMAGE)
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=image,
        image_token_index=image,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=tokens_per_picture(seen),
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = pad
    model.generation_config.max_new_tokens = 24
    return model


def tokens_per_picture(seen: dict[str, Any]) -> int:
    """Patches, and the class token."""
    patches: int = (seen["image_size"] // seen["patch_size"]) ** 2
    return patches + 1


def processor(words: Tokenizer, seen: dict[str, Any]) -> Any:
    """The processor that goes with the model: pictures to 64 x 64, and the chat template."""
    from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

    tokens = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token=PAD,
        eos_token=END,
        model_max_length=LONGEST,
        padding_side="left",
        additional_special_tokens=[IMAGE, USER, ASSISTANT],
    )
    side = {"height": seen["image_size"], "width": seen["image_size"]}
    images = CLIPImageProcessor(
        do_resize=True,
        size=side,
        resample=2,
        do_center_crop=False,
        crop_size=side,
        do_rescale=True,
        do_normalize=True,
        image_mean=list(augment.MEAN),
        image_std=list(augment.STD),
        do_convert_rgb=True,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokens,
        patch_size=seen["patch_size"],
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE,
        image_token=IMAGE,
        num_additional_image_tokens=1,
    )


def open_eyes(model: Any, clip: dict[str, Tensor], pictures: Tensor) -> None:
    """Give the model the eyes of the encoder, the same network under other names, and the start of `circuits` that fits them.

    ``pictures`` are some to measure the encoder's space with.
    """
    import torch

    found = {}
    for key, value in clip.items():
        if not key.startswith("visual.") or key == "visual.proj":
            continue
        name = key.removeprefix("visual.")
        if "in_proj" in name:
            before, kind = name.split("attn.in_proj_")
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                found[_renamed(before) + f"self_attn.{part}_proj.{kind}"] = piece
        else:
            found[_renamed(name)] = value
    tower = model.model.vision_tower
    shape = tower.state_dict()
    prefix = "vision_model." if any(key.startswith("vision_model.") for key in shape) else ""
    missing = tower.load_state_dict({prefix + name: value.float() for name, value in found.items()}, strict=False)
    if [key for key in missing.missing_keys if "position_ids" not in key] or missing.unexpected_keys:
        raise ValueError(f"The encoder's eyes don't fit: {missing}")
    with torch.no_grad():
        hidden = torch.cat([tower(pixel_values=some).last_hidden_state[:, 0] for some in pictures.split(200)])
    norm = (clip["visual.ln_post.weight"].float(), clip["visual.ln_post.bias"].float())
    circuits.lay_out(model, hidden, clip["visual.proj"].float(), *norm)


_NAMES: Final = (
    ("conv1.", "embeddings.patch_embedding."),
    ("class_embedding", "embeddings.class_embedding"),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("ln_pre.", "pre_layrnorm."),
    ("ln_post.", "post_layernorm."),
    ("transformer.resblocks.", "encoder.layers."),
    ("attn.out_proj.", "self_attn.out_proj."),
    ("mlp.c_fc.", "mlp.fc1."),
    ("mlp.c_proj.", "mlp.fc2."),
    ("ln_1.", "layer_norm1."),
    ("ln_2.", "layer_norm2."),
)


def _renamed(name: str) -> str:
    for old, new in _NAMES:
        name = name.replace(old, new)
    return name


def grow(small: dict[str, Tensor], model: Any) -> None:
    """Give the larger model what the smaller one knows: at first it says the very same.

    A layer that the small one lacks begins as a copy of the one before it that adds nothing yet; added inner units begin with
    random inputs and no outputs.
    """
    import torch

    large = model.state_dict()
    layers = {stem: 1 + max(_place(key)[1] for key in small if _place(key)[0] == stem) for stem in _stems(small)}
    more = {stem: 1 + max(_place(key)[1] for key in large if _place(key)[0] == stem) for stem in _stems(large)}
    grown = {}
    for key, value in large.items():
        stem, index = _place(key)
        source, added = key, False
        if stem:
            old = index * layers[stem] // more[stem]
            added = index > 0 and (index - 1) * layers[stem] // more[stem] == old
            source = key.replace(f"{stem}{index}.", f"{stem}{old}.", 1)
        known = small[source].float()
        if added and any(part in key for part in _OUTPUTS):
            grown[key] = torch.zeros_like(value)
        elif known.shape == value.shape:
            grown[key] = known
        else:
            made = torch.zeros_like(value) if any(part in key for part in _OUTPUTS) else value.clone()
            made[tuple(slice(0, length) for length in known.shape)] = known
            grown[key] = made
    model.load_state_dict(grown)


_OUTPUTS: Final = ("out_proj.", "fc2.", "o_proj.", "down_proj.")


def _place(key: str) -> tuple[str, int]:
    """The part of the network that a layer's weight belongs to, and the layer's number."""
    before, mark, after = key.partition("layers.")
    return (before + mark, int(after.split(".")[0])) if mark else ("", -1)


def _stems(state: dict[str, Tensor]) -> set[str]:
    return {_place(key)[0] for key in state} - {""}
