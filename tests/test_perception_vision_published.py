"""A published folder becomes an encoder with its own frames; what is not said is as usual, what is wrong is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from perception.vision.davit import TINY, Davit
from perception.vision.pixels import IMAGENET_DEVIATION, IMAGENET_MEAN
from perception.vision.published import published_encoder
from perception.vision.weights import layout_of
from runtime.errors import ModelError
from tests.attention_checks import assert_close
from tests.davits import SHAPE, config, florence, save
from tests.test_perception_vision_encoder import column, frames


def folder_of(tmp_path: Path) -> Path:
    about = {"model_type": "florence2", "vision_config": json.loads(config().to_json_string())}
    return save(tmp_path, {f"model.vision_tower.{name}": one for name, one in florence().state_dict().items()}, about)


def say(folder: Path, **about: object) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(about))


@torch.no_grad()
def test_a_florence_folder_says_its_frames(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    mean, deviation = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    say(folder, size={"height": 24, "width": 32}, image_mean=mean, image_std=deviation, resample=3)
    encoder = published_encoder(folder)
    assert encoder.davit.shape == SHAPE
    clip = frames(1, 2, 24, 32, 3)
    pixels = (clip[0].permute(0, 3, 1, 2) / 255 - column(mean)) / column(deviation)
    expected = florence()(pixels).last_hidden_state.flatten(2).transpose(1, 2)
    assert_close(encoder(clip)[0], expected)
    assert encoder(frames(1, 1, 50, 60, 3)).shape == expected[None, :1].shape
    assert published_encoder(folder, size_px=(48, 32)).size_px == (48, 32)


def test_what_a_folder_does_not_say_is_as_published(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    encoder = published_encoder(folder)
    assert encoder.size_px == (768, 768)
    assert encoder.how == "bicubic"
    assert encoder.mean.tolist() == pytest.approx(IMAGENET_MEAN)
    assert encoder.deviation.tolist() == pytest.approx(IMAGENET_DEVIATION)
    say(folder, do_normalize=False)
    encoder = published_encoder(folder)
    assert encoder.mean.tolist() == [0, 0, 0]
    assert encoder.deviation.tolist() == [1, 1, 1]


def test_timms_own_settings_are_read(tmp_path: Path) -> None:
    with torch.device("meta"):
        davit = Davit(TINY)
    layout = layout_of("tiny", {"stem.conv.weight"})
    small = {
        layout.theirs(name): torch.zeros(one.shape, dtype=torch.float16) for name, one in davit.state_dict().items()
    }
    save_file(small, tmp_path / "model.safetensors")
    cfg = {"input_size": [3, 96, 64], "mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bilinear"}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "davit_tiny", "pretrained_cfg": cfg}))
    encoder = published_encoder(tmp_path)
    assert (encoder.size_px, encoder.how) == ((96, 64), "bilinear")
    assert encoder.mean.tolist() == [0.5] * 3
    assert encoder.deviation.tolist() == [0.25] * 3
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "davit_tiny"}))
    assert published_encoder(tmp_path).size_px == (224, 224)


@pytest.mark.parametrize("text", ["{", '{"size": {"shortest_edge": 224}}', '{"size": "large"}'])
def test_frames_that_cannot_be_are_named(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path)
    (folder / "preprocessor_config.json").write_text(text)
    with pytest.raises(ModelError, match="tells of no frames that it takes: "):
        published_encoder(folder)
