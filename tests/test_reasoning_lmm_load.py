"""A model folder is loaded without pickles and without its own code, or refused in one line that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from reasoning.lmm.attention import NAME
from reasoning.lmm.load import load_lmm
from reasoning.lmm.stream import Budget, LmmStream
from runtime.errors import ModelError
from tests.test_reasoning_lmm_stream import pictures
from tests.tiny_lmms import VOCABULARY, text_of, tiny


def tokenizer_in(folder: Path) -> None:
    """Write a word-level tokenizer of the tiny models' vocabulary."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {f"w{number}": number for number in range(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="w3"))
    tokenizer.pre_tokenizer = Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="w3").save_pretrained(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny("smolvlm").save_pretrained(tmp_path, safe_serialization=True)
    tokenizer_in(tmp_path)
    return tmp_path


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_5_vl", "qwen3_vl", "internvl", "llava_onevision"])
def test_a_saved_model_watches_and_answers_as_before(family: str, tmp_path: Path) -> None:
    model = tiny(family)
    model.save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    lmm = load_lmm(str(tmp_path))
    assert text_of(lmm.model).config._attn_implementation == NAME
    assert lmm.chat.words("w5 w6") == [5, 6]
    for name, weights in model.state_dict().items():
        assert torch.equal(lmm.model.state_dict()[name], weights)
    stream = LmmStream(lmm.family, Budget())
    stream.begin([5, 6])
    stream.append_frame(pictures(1)[0])
    assert len(list(stream.answer([7], limit=3))) == 3


def test_the_folders_own_normalisation_is_used(folder: Path) -> None:
    (image,) = pictures(1)
    with torch.inference_mode():
        before = load_lmm(str(folder)).family.encode(image, 64).tokens
        (folder / "preprocessor_config.json").write_text(
            json.dumps({"image_mean": [0.1, 0.1, 0.1], "image_std": [0.9, 0.9, 0.9]})
        )
        after = load_lmm(str(folder)).family.encode(image, 64).tokens
    assert (before - after).abs().max() > 1e-5


def remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def changed_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_pickle_weights_are_refused_unread(folder: Path) -> None:
    remove(folder, "*.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(ModelError, match="holds pickle weights only, which may run code"):
        load_lmm(str(folder))


def test_what_is_missing_is_named(folder: Path) -> None:
    remove(folder, "tokenizer*", "special_tokens_map.json")
    with pytest.raises(ModelError, match=r"holds no tokenizer \(tokenizer.json\)"):
        load_lmm(str(folder))
    remove(folder, "*.safetensors")
    with pytest.raises(ModelError, match="holds no weights"):
        load_lmm(str(folder))
    remove(folder, "config.json")
    with pytest.raises(ModelError, match=r"holds no config.json"):
        load_lmm(str(folder))


def test_a_text_only_model_is_refused(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    with pytest.raises(ModelError, match="is a llama model, which sees no pictures"):
        load_lmm(str(tmp_path))


def test_an_unknown_architecture_is_refused_in_one_line(folder: Path) -> None:
    changed_config(folder, model_type="from_the_future", auto_map={"AutoConfig": "evil.Config"})
    (folder / "evil.py").write_text("raise SystemExit('remote code ran')")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)


def test_a_name_that_is_nowhere_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="nobody/nothing: cannot be loaded") as caught:
        load_lmm("nobody/nothing", is_offline=True)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_refused_in_one_line(folder: Path) -> None:
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)
