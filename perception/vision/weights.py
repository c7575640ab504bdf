"""Published weights of DaViT: safetensors in three layouts, whole or refused in one line that names what is wrong.

    timm         timm/models/davit.py of timm 1.0.29 (davit_tiny ... davit_giant): stages.1.blocks.0.0.cpe1.proj
    Florence-2   transformers: [model.]vision_tower.blocks.1.0.spatial_block.window_attn.qkv
    Microsoft    its own code for Florence-2: vision_tower.blocks.1.0.spatial_block.window_attn.fn.qkv

A model is built without values, and takes every one from the file: no layer can stay random.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from perception.attention.channel import from_davit_rows
from perception.vision.davit import (
    BASE,
    FLORENCE_BASE,
    FLORENCE_LARGE,
    SMALL,
    TINY,
    Davit,
    DavitShape,
    davit_shape,
)
from runtime.errors import ModelError

Rules: TypeAlias = tuple[tuple[str, str], ...]

TIMM = {
    "davit_tiny": TINY,
    "davit_small": SMALL,
    "davit_base": BASE,
    "davit_large": davit_shape((192, 384, 768, 1536), (1, 1, 9, 1)),
    "davit_huge": davit_shape((256, 512, 1024, 2048), (1, 1, 9, 1)),
    "davit_giant": davit_shape((384, 768, 1536, 3072), (1, 1, 12, 3)),
    "davit_base_fl": FLORENCE_BASE,
    "davit_huge_fl": FLORENCE_LARGE,
}
PREFIXES = ("model.vision_tower.", "vision_tower.", "")
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
SHOWN = 3  # keys that an error names
_MICROSOFT = (
    (r"^convs\.(\d+)\.conv\.", r"convs.\1.proj."),
    (r"\.(conv[12])\.", r".\1.fn.dw."),
    (r"spatial_block\.norm1\.", "spatial_block.window_attn.norm."),
    (r"channel_block\.norm1\.", "channel_block.channel_attn.norm."),
    (r"spatial_block\.attn\.", "spatial_block.window_attn.fn."),
    (r"channel_block\.attn\.", "channel_block.channel_attn.fn."),
    (r"\.norm2\.", ".ffn.norm."),
    (r"\.ffn\.fc", ".ffn.fn.net.fc"),
)
_TIMM = (
    (r"^convs\.0\.", "stem."),
    (r"^convs\.(\d+)\.", r"stages.\1.downsample."),
    (r"^blocks\.(\d+)\.(\d+)\.", r"stages.\1.blocks.\2."),
    (r"\.conv([12])\.", r".cpe\1.proj."),
    (r"\.ffn\.", ".mlp."),
)
_TIMM_PLAIN = (*_TIMM, (r"\.spatial_block\.", ".0."), (r"\.channel_block\.", ".1."))
_FLORENCE = (
    (r"spatial_block\.attn\.", "spatial_block.window_attn."),
    (r"channel_block\.attn\.", "channel_block.channel_attn."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file names what we name as `Davit` does."""

    prefix: str = ""
    rules: Rules
    others: str = ""  # keys that begin so belong to something else
    is_turned: bool = False  # queries, keys and values of channels stand in DaViT's own order

    def theirs(self, ours: str) -> str:
        """Return the file's name of one of our parameters."""
        for pattern, text in self.rules:
            ours = re.sub(pattern, text, ours)
        return self.prefix + ours

    def belongs(self, key: str) -> bool:
        """Say whether one of the file's keys is the tower's."""
        return key.startswith(self.prefix) and not (self.others and key.startswith(self.others))


def load_davit(path: Path | str, shape: DavitShape | None = None) -> Davit:
    """Return DaViT with the weights of a folder or file, in float32 and eval mode.

    Without a `shape` the folder's config.json says it. Raises ModelError.
    """
    place = Path(path).expanduser()
    files = _files(place)
    shape = shape if shape is not None else published_shape(place)
    with torch.device("meta"):
        model = Davit(shape)
    with ExitStack() as opened:
        where: dict[str, Any] = {}  # its type is private to safetensors
        for file in files:
            try:
                held = opened.enter_context(safe_open(file, framework="pt"))
                where |= dict.fromkeys(held.keys(), held)
            except (SafetensorError, OSError) as error:
                raise ModelError(str(file), f"is damaged: {' '.join(str(error).split())[:200]}") from error
        take_weights(model, str(path), where.keys(), lambda key: where[key].get_tensor(key))
    return model


def take_weights(model: Davit, name: str, keys: Iterable[str], read: Callable[[str], Tensor]) -> None:
    """Give the model all of its weights out of a file's, by the file's layout. Raises ModelError."""
    found = set(keys)
    layout = layout_of(name, found)
    wanted = {layout.theirs(ours): ours for ours in model.state_dict()}
    if missing := sorted(wanted.keys() - found):
        raise ModelError(name, f"lacks {len(missing)} of its {len(wanted)} weights: {_named(missing)}")
    if extra := sorted(one for one in found - wanted.keys() if layout.belongs(one)):
        raise ModelError(name, f"has {len(extra)} weights that this shape has no place for: {_named(extra)}")
    is_turned = layout.is_turned and model.shape.scale == "channels"
    weights = {}
    for key, ours in wanted.items():
        weight, expected = read(key), model.get_parameter(ours).shape
        if weight.shape != expected:
            raise ModelError(name, f"{key} is {tuple(weight.shape)} instead of {tuple(expected)}")
        if not weight.is_floating_point() or not weight.isfinite().all():
            raise ModelError(name, f"{key} holds what is no finite number")
        turns = is_turned and ".channel_block.attn.qkv." in ours
        weights[ours] = (from_davit_rows(weight) if turns else weight).float()
    model.load_state_dict(weights, assign=True)
    model.eval()


def published_shape(place: Path) -> DavitShape:
    """Return the shape that a folder's config.json tells, timm's or Florence-2's. Raises ModelError."""
    file = place / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(str(place), "has no config.json; name the shape of its weights") from error
    except ValueError as error:
        raise ModelError(str(file), "is not JSON") from error
    if not isinstance(config, dict):
        raise ModelError(str(file), "is no configuration of a model")
    if isinstance(architecture := config.get("architecture"), str):
        if architecture not in TIMM:
            raise ModelError(str(file), f"{architecture} is none of timm's DaViT models: {', '.join(TIMM)}")
        return TIMM[architecture]
    vision = config.get("vision_config", config)
    try:
        return _florence_shape(vision)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(str(file), f"tells no shape of a DaViT: {error}") from error


def _florence_shape(vision: Mapping[str, Any]) -> DavitShape:
    """Read Florence-2's vision configuration, as transformers or as Microsoft's own code writes it."""
    widths = tuple(map(int, vision["embed_dim"] if "embed_dim" in vision else vision["dim_embed"]))
    later = len(widths) - 1
    usual = {
        "patch_size": [7, *[3] * later],
        "patch_stride": [4, *[2] * later],
        "patch_padding": [3, *[1] * later],
        "patch_prenorm": [False, *[True] * later],
    }
    for name, value in usual.items():
        if vision.get(name, value) != value:
            raise ValueError(f"{name} is {vision[name]} instead of {value}")
    return DavitShape(
        widths=widths,
        depths=tuple(map(int, vision["depths"])),
        heads=tuple(map(int, vision["num_heads"])),
        groups=tuple(map(int, vision["num_groups"])),
        window=int(vision.get("window_size", FLORENCE_BASE.window)),
        shrink_kernel=3,
        mlp_ratio=float(vision.get("mlp_ratio", FLORENCE_BASE.mlp_ratio)),
        qkv_bias=bool(vision.get("qkv_bias", FLORENCE_BASE.qkv_bias)),
    )


def layout_of(name: str, keys: Collection[str]) -> Layout:
    """Return the layout of a file with these keys. Raises ModelError."""
    if "stem.conv.weight" in keys:
        is_plain = not any(".spatial_block." in one for one in keys)
        return Layout(rules=_TIMM_PLAIN if is_plain else _TIMM, others="head.", is_turned=is_plain)
    for prefix in PREFIXES:
        for first, rules in (("conv", _FLORENCE), ("proj", _MICROSOFT)):
            if f"{prefix}convs.0.{first}.weight" in keys:
                return Layout(prefix=prefix, rules=rules)
    raise ModelError(name, "holds no DaViT: neither stem.conv.weight (timm) nor vision_tower.convs.0 (Florence-2)")


def _files(place: Path) -> list[Path]:
    """Return the safetensors of a folder, or the file itself. Raises ModelError."""
    if not place.exists():
        raise ModelError(str(place), "no such file or folder")
    held = sorted(place.iterdir()) if place.is_dir() else [place]
    files = [one for one in held if one.suffix == ".safetensors"]
    if not files and any(one.suffix in PICKLES for one in held):
        raise ModelError(str(place), "holds pickle weights only, which may run code; convert them to safetensors")
    if not files:
        raise ModelError(str(place), "holds no weights (*.safetensors)")
    return files


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
