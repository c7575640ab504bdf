"""The LMM families of transformers as tiny random models: their real classes, weights of a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

IMAGE_TOKEN = 150
VOCABULARY = 160
LAYERS = 4
CONTROL = ["<|start|>", "<|end|>", "<image>"]
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)

_TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
_QWEN_VISION = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 4,
    "out_hidden_size": 64,
    "patch_size": 4,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
_QWEN_TOKENS: dict[str, Any] = {
    "image_token_id": IMAGE_TOKEN,
    "video_token_id": 151,
    "vision_start_token_id": 152,
    "vision_end_token_id": 153,
}
_WINDOWS = {"window_size": 16, "fullatt_block_indexes": [1]}


def _rope(*, interleaved: bool = False) -> dict[str, Any]:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    return {"rope_parameters": rope | ({"mrope_interleaved": True} if interleaved else {})}


def _smolvlm() -> Any:
    config = transformers.SmolVLMConfig(
        text_config={"model_type": "llama", **_TEXT},
        vision_config={**_VISION, "image_size": 32, "patch_size": 8},
        scale_factor=2,
        image_token_id=IMAGE_TOKEN,
    )
    return transformers.SmolVLMForConditionalGeneration(config)


def _qwen2_5_vl() -> Any:
    config = transformers.Qwen2_5_VLConfig(
        text_config={**_TEXT, **_rope()}, vision_config={**_QWEN_VISION, **_WINDOWS}, **_QWEN_TOKENS
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def _qwen3_vl() -> Any:
    config = transformers.Qwen3VLConfig(
        text_config={**_TEXT, "head_dim": 16, **_rope(interleaved=True)},
        vision_config={**_QWEN_VISION, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        **_QWEN_TOKENS,
    )
    return transformers.Qwen3VLForConditionalGeneration(config)


def _internvl() -> Any:
    config = transformers.InternVLConfig(
        text_config={"model_type": "qwen2", **_TEXT},
        vision_config={**_VISION, "image_size": [32, 32], "patch_size": [4, 4]},
        image_token_id=IMAGE_TOKEN,
        image_seq_length=16,
        downsample_ratio=0.5,
    )
    return transformers.InternVLForConditionalGeneration(config)


def _llava_onevision() -> Any:
    config = transformers.LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **_TEXT},
        vision_config={"model_type": "siglip_vision_model", **_VISION, "image_size": 32, "patch_size": 8},
        image_token_index=IMAGE_TOKEN,
        video_token_index=151,
        vision_feature_layer=-1,
    )
    return transformers.LlavaOnevisionForConditionalGeneration(config)


def _qwen2_5_omni() -> Any:
    config = transformers.Qwen2_5OmniThinkerConfig(
        text_config={**_TEXT, **_rope()},
        vision_config={**_QWEN_VISION, **_WINDOWS},
        audio_config={
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "num_mel_bins": 16,
            "output_dim": 64,
            "n_window": 10,
        },
        audio_token_index=154,
        **_QWEN_TOKENS,
    )
    return transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)


FAMILIES: dict[str, Callable[[], Any]] = {
    "smolvlm": _smolvlm,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "internvl": _internvl,
    "llava_onevision": _llava_onevision,
    "qwen2_5_omni": _qwen2_5_omni,
}


@cache
def _made(family: str) -> Any:
    """Make the family's model once: a copy takes a fifth of the time."""
    with torch.inference_mode(False), torch.random.fork_rng():
        torch.manual_seed(7)
        return FAMILIES[family]().eval()


def tiny(family: str, vocabulary: int = VOCABULARY) -> Any:
    """Return the family's model with random weights, ready to answer."""
    model = copy.deepcopy(_made(family))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        if vocabulary > VOCABULARY:
            model.resize_token_embeddings(vocabulary, mean_resizing=False)
        return model


def text_of(model: Any) -> Any:
    """Return the model's text decoder."""
    inner = model.model
    return inner.text_model if hasattr(inner, "text_model") else inner.language_model


def axes_of(model: Any) -> int:
    """Return how many position axes the family has."""
    return 3 if "Qwen2_5" in type(model).__name__ or "Qwen3" in type(model).__name__ else 1


def save_tiny(folder: Path, family: str = "smolvlm", vocabulary: int = 320) -> Path:
    """Write the family's model and a tokenizer of bytes into a folder, as a hub would hold them."""
    tiny(family, vocabulary).save_pretrained(folder)
    byte_tokenizer(TEMPLATE).save_pretrained(folder)
    return folder


def byte_tokenizer(template: str | None = None) -> Any:
    """Return a tokenizer of bytes, as real ones end up with for unknown words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(BPE({one: number for number, one in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    made.add_special_tokens({"additional_special_tokens": CONTROL})
    made.chat_template = template
    return made
