"""Small towers of Florence-2 with seeded weights, as transformers makes them, and their files."""

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import Florence2VisionConfig
from transformers.models.florence2.modeling_florence2 import Florence2VisionBackbone

from perception.vision.davit import DavitShape
from tests.attention_checks import lively

SHAPE = DavitShape(widths=(8, 12, 24), depths=(1, 2, 1), heads=(2, 3, 4), groups=(1, 2, 3), window=3, shrink_kernel=3)


def config(shape: DavitShape = SHAPE) -> Florence2VisionConfig:
    """Return transformers' configuration of the shape."""
    stages = len(shape.widths)
    made = Florence2VisionConfig(
        embed_dim=list(shape.widths),
        depths=list(shape.depths),
        num_heads=list(shape.heads),
        num_groups=list(shape.groups),
        window_size=shape.window,
        patch_size=[7, *[3] * (stages - 1)],
        patch_stride=[4, *[2] * (stages - 1)],
        patch_padding=[3, *[1] * (stages - 1)],
        patch_prenorm=[False, *[True] * (stages - 1)],
        mlp_ratio=shape.mlp_ratio,
        qkv_bias=shape.qkv_bias,
    )
    made._attn_implementation = "eager"
    return made


def florence(shape: DavitShape = SHAPE, seed: int = 0) -> nn.Module:
    """Return transformers' tower of the shape."""
    tower: nn.Module = Florence2VisionBackbone(config(shape))
    return lively(tower, seed)


def save(folder: Path, weights: dict[str, Tensor], about: dict[str, object] | None = None) -> Path:
    """Write weights, and config.json where there is one, as a model's folder."""
    folder.mkdir(exist_ok=True)
    save_file({name: one.clone() for name, one in weights.items()}, folder / "model.safetensors")
    if about is not None:
        (folder / "config.json").write_text(json.dumps(about))
    return folder
