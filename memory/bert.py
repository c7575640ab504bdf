"""A BERT text encoder, forward only (Devlin et al. 2019, arXiv:1810.04805).

Why not transformers' own: importing it takes 6 s on a small machine, at every start. This runs on the same published
weights, which it loads in 0.1 s, and a test holds it to the same numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


class Bert:
    """Token ids to one vector per token. There is no padding mask: give it sequences of one length."""

    def __init__(self, weights: dict[str, Tensor], *, layers: int, heads: int, eps: float) -> None:
        self._weights = weights
        self._layers = layers
        self._heads = heads
        self._eps = eps

    def __call__(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, C)."""
        word, position, segment = (
            self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        x = F.embedding(ids, word) + position[: ids.shape[1]] + segment[0]  # (B, T, C)
        x = self._norm(x, "embeddings")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            x = self._norm(x + self._attend(x, f"{name}.attention"), f"{name}.attention.output")
            hidden = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(hidden, f"{name}.output.dense"), f"{name}.output")
        return x

    def _attend(self, x: Tensor, name: str) -> Tensor:
        """Let every token see every token; x (B, T, C) -> (B, T, C)."""
        q, k, v = (
            self._linear(x, f"{name}.self.{part}").unflatten(-1, (self._heads, -1)).transpose(1, 2)  # (B, H, T, D)
            for part in ("query", "key", "value")
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self._linear(y.transpose(1, 2).flatten(2), f"{name}.output.dense")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.LayerNorm.weight"], self._weights[f"{name}.LayerNorm.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, self._eps)


def is_plain_bert(folder: Path) -> bool:
    """Say whether the folder holds a BERT that `load_bert` understands; OSError or ValueError where it holds none."""
    config = json.loads((folder / "config.json").read_text())
    is_absolute = config.get("position_embedding_type", "absolute") == "absolute"
    is_bert = config.get("model_type") == "bert" and config.get("architectures") == ["BertModel"]
    return is_bert and is_absolute and config.get("hidden_act") == "gelu" and (folder / "model.safetensors").exists()


def load_bert(folder: Path) -> Bert:
    """Load `config.json` and `model.safetensors` as float32; KeyError where a value or a weight is missing."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    weights = {name: weight.float() for name, weight in load_file(folder / "model.safetensors").items()}
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    bert = Bert(weights, layers=layers, heads=heads, eps=config["layer_norm_eps"])
    bert(torch.zeros(1, 1, dtype=torch.long))  # a missing weight shows here and not in the first question
    return bert
