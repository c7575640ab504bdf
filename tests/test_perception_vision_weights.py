"""Published weights: three layouts of one model, and one clear line for each way in which a file can be wrong."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from perception.vision.davit import FLORENCE_BASE, TINY
from perception.vision.weights import load_davit, published_shape
from runtime.errors import ModelError
from tests.attention_checks import assert_close, seeded
from tests.davits import SHAPE, config, florence, save

Weights = dict[str, Tensor]


@pytest.fixture
def weights() -> Weights:
    return dict(florence().state_dict())


def as_microsoft(name: str) -> str:
    """Return a name of transformers' tower as Microsoft's own code has it, after the table in timm's converter."""
    name = re.sub(r"^convs\.(\d)\.conv", r"convs.\1.proj", name)
    name = re.sub(r"\.(window_attn|channel_attn)\.", r".\1.fn.", name)
    name = re.sub(r"spatial_block\.norm1", "spatial_block.window_attn.norm", name)
    name = re.sub(r"channel_block\.norm1", "channel_block.channel_attn.norm", name)
    name = re.sub(r"\.(conv[12])\.", r".\1.fn.dw.", name)
    name = name.replace(".ffn.fc", ".ffn.fn.net.fc").replace(".norm2.", ".ffn.norm.")
    return f"vision_tower.{name}"


def as_named_timm(name: str) -> str:
    """Return a name of transformers' tower as timm's davit_base_fl has it."""
    name = name.replace("convs.0.", "stem.")
    name = re.sub(r"^convs\.(\d)", r"stages.\1.downsample", name)
    name = re.sub(r"^blocks\.(\d)\.(\d)", r"stages.\1.blocks.\2", name)
    name = re.sub(r"\.conv([12])\.", r".cpe\1.proj.", name)
    return name.replace("window_attn", "attn").replace("channel_attn", "attn").replace(".ffn.", ".mlp.")


@pytest.mark.parametrize(
    "layout", [str, "vision_tower.{}".format, "model.vision_tower.{}".format, as_microsoft, as_named_timm]
)
@torch.no_grad()
def test_every_layout_gives_the_same_model(tmp_path: Path, weights: Weights, layout: Callable[[str], str]) -> None:
    named = {layout(name): one for name, one in weights.items()}
    assert len(named) == len(weights)
    if "vision_tower.convs.0.proj.weight" in named:
        named |= {"language_model.head.weight": torch.ones(2), "image_projection": torch.ones(2)}
    model = load_davit(save(tmp_path, named), SHAPE)
    x = seeded(1, 3, 24, 40)
    assert_close(model(x), florence()(x).last_hidden_state)
    assert not model.training
    assert {one.dtype for one in model.parameters()} == {torch.float32}


@torch.no_grad()
def test_a_whole_florence_folder_says_its_shape_and_half_precision_is_widened(tmp_path: Path, weights: Weights) -> None:
    about = {"model_type": "florence2", "vision_config": json.loads(config().to_json_string())}
    half = {f"model.vision_tower.{name}": one.half() for name, one in weights.items()}
    model = load_davit(save(tmp_path, half, about))
    assert model.shape == SHAPE
    expected = florence()
    expected.load_state_dict({name: one.half().float() for name, one in weights.items()})
    x = seeded(1, 3, 24, 40)
    assert_close(model(x), expected(x).last_hidden_state)


def test_weights_in_several_files_are_put_together(tmp_path: Path, weights: Weights) -> None:
    names = sorted(weights)
    save(tmp_path, {name: weights[name] for name in names[::2]})
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    save(tmp_path, {name: weights[name] for name in names[1::2]})
    assert load_davit(tmp_path, SHAPE).convs[0].conv.weight.equal(weights["convs.0.conv.weight"])  # type: ignore[union-attr, operator]


def test_timms_names_and_microsofts_configuration_say_the_shape(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "davit_tiny", "num_classes": 1000}))
    assert published_shape(tmp_path) == TINY
    stages = {"dim_embed": [128, 256, 512, 1024], "num_heads": [4, 8, 16, 32], "num_groups": [4, 8, 16, 32]}
    about = {"vision_config": {**stages, "depths": [1, 1, 9, 1], "window_size": 12, "patch_size": [7, 3, 3, 3]}}
    (tmp_path / "config.json").write_text(json.dumps(about))
    assert published_shape(tmp_path) == FLORENCE_BASE


def lacking(weights: Weights) -> Weights:
    return {name: one for name, one in weights.items() if "blocks.1.1.channel_block.ffn.fc1" not in name}


def deeper(weights: Weights) -> Weights:
    more = {name.replace("blocks.2.0.", "blocks.2.1."): one for name, one in weights.items() if "blocks.2.0." in name}
    return weights | more


def wider(weights: Weights) -> Weights:
    return weights | {"convs.0.norm.bias": torch.ones(9)}


def broken(weights: Weights) -> Weights:
    return weights | {"convs.1.norm.bias": torch.full((8,), torch.nan)}


def quantised(weights: Weights) -> Weights:
    return weights | {"convs.1.norm.bias": torch.ones(8, dtype=torch.int8)}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lacking, r"lacks 2 of its \d+ weights: blocks\.1\.1\.channel_block\.ffn\.fc1\.bias, blocks\.1\.1\.\S+weight$"),
        (deeper, r"has 32 weights that this shape has no place for: blocks\.2\.1\.channel_block\.\S+, .*, \.\.\.$"),
        (wider, r"convs\.0\.norm\.bias is \(9,\) instead of \(8,\)"),
        (broken, r"convs\.1\.norm\.bias holds what is no finite number"),
        (quantised, r"convs\.1\.norm\.bias holds what is no finite number"),
        (lambda _: {"bert.weight": torch.ones(1)}, "holds no DaViT"),
    ],
)
def test_a_part_that_lacks_or_does_not_fit_is_named(
    tmp_path: Path, weights: Weights, spoil: Callable[[Weights], Weights], why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        load_davit(save(tmp_path, spoil(weights)), SHAPE)


def test_pickles_damaged_files_and_empty_folders_are_refused(tmp_path: Path, weights: Weights) -> None:
    with pytest.raises(ModelError, match="no such file or folder"):
        load_davit(tmp_path / "nowhere", SHAPE)
    with pytest.raises(ModelError, match="holds no weights"):
        load_davit(tmp_path, SHAPE)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    for place in (tmp_path, tmp_path / "pytorch_model.bin"):
        with pytest.raises(ModelError, match="pickle weights only"):
            load_davit(place, SHAPE)
    file = save(tmp_path, weights) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="is damaged"):
        load_davit(file, SHAPE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "has no config.json"),
        ("{", "is not JSON"),
        ("[]", "no configuration"),
        ('{"architecture": "resnet50"}', "none of timm's DaViT models: davit_tiny"),
        ('{"model_type": "bert"}', "tells no shape of a DaViT"),
        ('{"vision_config": {"embed_dim": [8], "patch_size": [3]}}', r"patch_size is \[3\] instead of \[7\]"),
    ],
)
def test_a_configuration_that_says_no_shape_is_named(
    tmp_path: Path, weights: Weights, text: str | None, why: str
) -> None:
    save(tmp_path, weights)
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=why):
        load_davit(tmp_path)
