"""Small checkpoints with random weights, one of each family: configured as the real ones are, saved, and loaded from disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from perdure.cot.models.model import Prompt, Turn
from perdure.cot.models.torchvision_ops import make_importable
from perdure.cot.picture import Picture

WIDTH = 32
SHARED = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 65_536,
}
VISION = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}

TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n"
    "{% for part in turn.content %}{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
REFUSES_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + TEMPLATE
DROPS_SYSTEM = TEMPLATE.replace("in messages %}", "in messages if turn.role != 'system' %}")


def template(image: str, text: str = TEMPLATE) -> str:
    return text.replace("IMAGE", image)


def tokenizer(specials: list[str], extra: dict[str, str] | None = None) -> Any:
    """A byte-level tokenizer: every byte a token, and the special ones."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    every = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials]
    inner.add_special_tokens(every)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=every[1:],
        extra_special_tokens=extra,
    )


def _ids(words: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "bos_token_id": None,
    }


def llava(chat: str = TEMPLATE) -> tuple[Any, Any]:
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    words = tokenizer(["<image>"])
    image = words.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION, image_size=32, patch_size=8),
        text_config=LlamaConfig(**SHARED, **_ids(words)),
        image_token_index=image,
        image_token_id=image,
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_seq_length=16,
    )
    pixels = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        pixels,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<image>", chat),
    )
    return LlavaForConditionalGeneration(config), processor


def _idefics(config: type, model: type, processor: type, pixels: type, **more: Any) -> tuple[Any, Any]:
    from transformers import LlamaConfig

    words = tokenizer(
        ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<video>"]
        + [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    )
    configured = config(
        vision_config=VISION | {"image_size": 32, "patch_size": 8},
        text_config=LlamaConfig(**SHARED, **_ids(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )
    sizes = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}
    return model(configured), processor(
        pixels(**sizes), words, image_seq_len=4, chat_template=template("<image>"), **more
    )


def idefics3() -> tuple[Any, Any]:
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    return _idefics(Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor, Idefics3ImageProcessor)


def smolvlm() -> tuple[Any, Any]:
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    video = SmolVLMVideoProcessor(
        size={"longest_edge": 64},
        max_image_size={"longest_edge": 32},
        video_sampling={"fps": 1, "max_frames": 4, "video_size": {"longest_edge": 32}},
    )
    return _idefics(
        SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMProcessor, SmolVLMImageProcessor, video_processor=video
    )


def _qwen_words() -> Any:
    return tokenizer(["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"])


def _qwen_ids(words: Any) -> dict[str, int]:
    return {
        "image_token_id": words.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": words.convert_tokens_to_ids("<|video_pad|>"),
        "vision_start_token_id": words.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": words.convert_tokens_to_ids("<|vision_end|>"),
    }


QWEN_CHAT = template("<|vision_start|><|image_pad|><|vision_end|>")


def qwen2_vl() -> tuple[Any, Any]:
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    words = _qwen_words()
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    config = Qwen2VLConfig(
        text_config=SHARED | _ids(words) | {"rope_parameters": rope},
        vision_config={"depth": 2, "embed_dim": WIDTH, "hidden_size": WIDTH, "num_heads": 2, "patch_size": 8},
        **_qwen_ids(words),
    )
    sizes = {"patch_size": 8, "min_pixels": 16 * 16, "max_pixels": 64 * 64}
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessor(**sizes), words, Qwen2VLVideoProcessor(**sizes), chat_template=QWEN_CHAT
    )
    return Qwen2VLForConditionalGeneration(config), processor


def qwen2_5_vl() -> tuple[Any, Any]:
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    words = _qwen_words()
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    vision = {"depth": 2, "hidden_size": WIDTH, "out_hidden_size": WIDTH, "intermediate_size": WIDTH, "num_heads": 2}
    config = Qwen2_5_VLConfig(
        text_config=SHARED | _ids(words) | {"rope_parameters": rope},
        vision_config=vision | {"patch_size": 8, "window_size": 32, "fullatt_block_indexes": [1]},
        **_qwen_ids(words),
    )
    sizes = {"patch_size": 8, "min_pixels": 16 * 16, "max_pixels": 64 * 64}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(**sizes), words, Qwen2VLVideoProcessor(**sizes), chat_template=QWEN_CHAT
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> tuple[Any, Any]:
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    words = _qwen_words()
    rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10_000.0}
    vision = {"depth": 2, "hidden_size": WIDTH, "out_hidden_size": WIDTH, "intermediate_size": WIDTH, "num_heads": 2}
    config = Qwen3VLConfig(
        text_config=SHARED | _ids(words) | {"rope_parameters": rope, "head_dim": 16},
        vision_config=vision | {"patch_size": 8, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]},
        **_qwen_ids(words),
    )
    sizes = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}}
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(**sizes), words, Qwen3VLVideoProcessor(**sizes), chat_template=QWEN_CHAT
    )
    return Qwen3VLForConditionalGeneration(config), processor


def internvl() -> tuple[Any, Any]:
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
        InternVLVisionConfig,
        Qwen2Config,
    )

    names = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    words = tokenizer(list(names.values()), names)
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(**VISION, image_size=[32, 32], patch_size=[8, 8]),
        text_config=Qwen2Config(**SHARED, **_ids(words)),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    sizes = {"size": {"height": 32, "width": 32}}
    processor = InternVLProcessor(
        GotOcr2ImageProcessor(**sizes, crop_to_patches=True, max_patches=4),
        words,
        InternVLVideoProcessor(**sizes),
        image_seq_length=4,
        chat_template=template("<IMG_CONTEXT>"),
    )
    return InternVLForConditionalGeneration(config), processor


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "llava": llava,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "internvl": internvl,
}


def _only_letters(model: Any, words: Any) -> None:
    """Let it say nothing but letters and spaces, without end: text that a person and a test can read."""
    head = model.get_output_embeddings().weight
    said = {words.convert_tokens_to_ids(letter) for letter in "abcdefghijklmnopqrstuvwxyz\u0120"}
    for token in set(range(head.shape[0])) - said:
        head[token] = 0.0


def saved(folder: Path, make: Callable[[], tuple[Any, Any]], *, seed: int = 0, scale: float = 8.0) -> Path:
    """Make a checkpoint in ``folder``; larger weights than the usual ones make its answers depend on what it is shown."""
    make_importable()
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, processor = make()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(scale)
            _only_letters(model, processor.tokenizer)
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def picture(number: int, width: int = 48, height: int = 40) -> Picture:
    """A drawn picture, another for each number."""
    chance = random.Random(number)
    image = Image.new("RGB", (width, height), tuple(chance.randrange(256) for _ in range(3)))
    for _ in range(4):
        left, top = chance.randrange(width), chance.randrange(height)
        image.paste(tuple(chance.randrange(256) for _ in range(3)), (left, top, left + 12, top + 12))
    return Picture(image)


def conversation(number: int, *, examples: int = 2) -> Prompt:
    """Instructions, solved examples with a picture each, and a question about two pictures of different size."""
    turns = [Turn("system", ("Answer with one word.",))]
    for n in range(examples):
        asked = (picture(100 * number + n), f"Which colour is number {n}?")
        turns += [Turn("user", asked), Turn("assistant", ("red",))]
    last = (picture(100 * number + 50), picture(100 * number + 51, 30, 70), f"Are these {number} alike?")
    return (*turns, Turn("user", last))
