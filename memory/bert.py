"""A BERT text encoder, forward only, in NumPy (Devlin et al. 2019, arXiv:1810.04805).

Why not transformers' or torch's own: importing them takes 4 to 10 s on a small machine, at every start. This runs on
the same published weights, which it loads in 0.1 s, and a test holds it to the same numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Bert:
    """Token ids to one vector per token, for one text at a time."""

    def __init__(self, weights: dict[str, NDArray[np.float32]], *, layers: int, heads: int, eps: float) -> None:
        self._weights = weights
        self._layers = layers
        self._heads = heads
        self._eps = eps

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """ids (T,) -> (T, C)."""
        word, position, segment = (
            self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        x = self._norm(word[ids] + position[: len(ids)] + segment[0], "embeddings")  # (T, C)
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            x = self._norm(x + self._attend(x, f"{name}.attention"), f"{name}.attention.output")
            hidden = gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(hidden, f"{name}.output.dense"), f"{name}.output")
        return x

    def _attend(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        """Let every token see every token; x (T, C) -> (T, C)."""
        q, k, v = (
            self._linear(x, f"{name}.self.{part}").reshape(len(x), self._heads, -1).swapaxes(0, 1)  # (H, T, D)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / np.float32(q.shape[2] ** 0.5)  # (H, T, T)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        y = (shares / shares.sum(-1, keepdims=True)) @ v  # (H, T, D)
        return self._linear(y.swapaxes(0, 1).reshape(x.shape), f"{name}.output.dense")

    def _linear(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        y: NDArray[np.float32] = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return y

    def _norm(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + np.float32(self._eps))
        y: NDArray[np.float32] = scaled * self._weights[f"{name}.LayerNorm.weight"]
        return y + self._weights[f"{name}.LayerNorm.bias"]


def gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return x times the share of a normal distribution below x, within 1e-6 (Abramowitz and Stegun, 7.1.26)."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    tail = np.float32(0.5) * series * np.exp(-z * z)  # the share beyond |x|
    y: NDArray[np.float32] = x * np.where(x < 0, tail, 1 - tail)
    return y


def is_plain_bert(folder: Path) -> bool:
    """Say whether the folder holds a BERT that `load_bert` understands; OSError or ValueError where it holds none."""
    config = json.loads((folder / "config.json").read_text())
    is_absolute = config.get("position_embedding_type", "absolute") == "absolute"
    is_bert = config.get("model_type") == "bert" and config.get("architectures") == ["BertModel"]
    weights = folder / "model.safetensors"
    return is_bert and is_absolute and config.get("hidden_act") == "gelu" and weights.exists() and _is_numpy(weights)


def _is_numpy(weights: Path) -> bool:
    """Whether NumPy knows the type of every tensor: it has no bfloat16."""
    with safe_open(weights, "np") as file:
        return all(file.get_slice(name).get_dtype() in {"F32", "F16", "F64", "I64"} for name in file.keys())


def load_bert(folder: Path) -> Bert:
    """Load `config.json` and `model.safetensors` as float32; KeyError where a value or a weight is missing."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    weights = {name: weight.astype(np.float32) for name, weight in load_file(folder / "model.safetensors").items()}
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    bert = Bert(weights, layers=layers, heads=heads, eps=config["layer_norm_eps"])
    bert(np.zeros(1, np.int64))  # a missing weight shows here and not in the first question
    return bert
