"""Detectors and captioners of transformers as tiny random models: their real classes, weights of a fixed seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers

from tests.tiny_lmms import byte_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = ("person", "bicycle", "car", "dog")
WORDS = 300  # of Florence-2's tokenizer before its places
PLACES = 1000


def picture(height_px: int, width_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of noise."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), np.uint8)


def rt_detr() -> Any:
    """Return RT-DETR with four labels."""
    stages: dict[str, Any] = {"out_features": ["stage2", "stage3", "stage4"], "out_indices": [2, 3, 4]}
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 12, 16], depths=[1, 1, 1, 1], layer_type="basic", **stages
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 12, 16],
        encoder_ffn_dim=24,
        encoder_attention_heads=2,
        decoder_in_channels=[16, 16, 16],
        d_model=16,
        num_queries=12,
        decoder_ffn_dim=24,
        decoder_attention_heads=2,
        decoder_layers=1,
        decoder_n_points=2,
        num_denoising=0,
        id2label=dict(enumerate(LABELS)),
        label2id={label: place for place, label in enumerate(LABELS)},
    )
    return _seeded(lambda: transformers.RTDetrForObjectDetection(config))


def owlv2() -> Any:
    """Return OWLv2."""
    text: dict[str, Any] = {"vocab_size": 320, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 16}
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.Owlv2Config(
        text_config=text, vision_config={**vision, "image_size": 48, "patch_size": 16}, projection_dim=16
    )
    return _seeded(lambda: transformers.Owlv2ForObjectDetection(config))


def florence_2() -> Any:
    """Return Florence-2 with a tower of two stages, which takes 16 x 16 pixels as five tokens."""
    text: dict[str, Any] = {"model_type": "bart", "vocab_size": WORDS + PLACES, "d_model": 16, "encoder_layers": 1}
    text |= {"decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24}
    text |= {"decoder_ffn_dim": 24, "max_position_embeddings": 200, "pad_token_id": 1, "bos_token_id": 0}
    text |= {"eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None}
    vision = {
        "embed_dim": [8, 12],
        "depths": [1, 1],
        "num_heads": [2, 2],
        "num_groups": [2, 2],
        "window_size": 3,
        "patch_size": [7, 3],
        "patch_stride": [4, 2],
        "patch_padding": [3, 1],
        "patch_prenorm": [False, True],
        "projection_dim": 16,
    }
    config = transformers.Florence2Config(text_config=text, vision_config=vision, image_token_id=WORDS - 1)
    return _seeded(lambda: transformers.Florence2ForConditionalGeneration(config))


def place_tokenizer() -> Any:
    """Return a tokenizer of bytes that knows Florence-2's places."""
    made = byte_tokenizer()
    missing = WORDS - len(made)
    made.add_tokens([f"<word_{number}>" for number in range(missing - 1)] + ["<picture>"])
    made.add_tokens([f"<loc_{number}>" for number in range(PLACES)])
    assert len(made) == WORDS + PLACES
    return made


def save_eyes(folder: Path, model: Any, tokenizer: Any = None, **about: object) -> Path:
    """Write a model, its tokenizer and what it says of pictures into a folder, as a hub would hold them."""
    model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    if about:
        (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def _seeded(make: Any) -> Any:
    with torch.inference_mode(False), torch.random.fork_rng():
        torch.manual_seed(7)
        model = make().eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.data.normal_(0, 0.3)  # so that pictures matter
        return model
