"""Sentences about pictures, by Florence-2 (Xiao et al. 2024, arXiv:2311.06242), which also names and places things.

It is asked by a fixed sentence per task and answers in words; places are words too, a thousand for each side. Decoding
is greedy, so that the same picture gives the same words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, Florence2ForConditionalGeneration

from perception.vision.networks import check_finite, load_network, load_packing, ran
from perception.vision.packing import FLORENCE_FRAMES, Packing
from perception.vision.seen import seen_at
from runtime.errors import ModelError
from runtime.messages import Seen
from runtime.pretrained import load_pretrained, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLORENCE = "florence2"
Detail = Literal["short", "detailed", "paragraph"]
ASKED: dict[Detail, str] = {
    "short": "What does the image describe?",
    "detailed": "Describe in detail what is shown in the image.",
    "paragraph": "Describe with a paragraph what is shown in the image.",
}
ASKED_OBJECTS = "Locate the objects with category name in the image."
PLACE = re.compile(r"<loc_(\d+)>")
PLACES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer: its tokens, and how probable each was."""

    ids: list[int]
    chances: list[float]


class Florence:
    """Captions and boxes of one Florence-2 model; a call blocks and belongs on a worker's thread."""

    def __init__(
        self,
        name: str,
        model: Any,
        packing: Packing,
        tokenizer: Any,
        *,
        labels: Sequence[str] = (),
        threshold: float = 0.0,
        detail: Detail = "short",
        most_tokens: int = 256,
    ) -> None:
        """Tell of `labels` only (none: of everything), and only of what is as probable as `threshold`."""
        self.name = name
        self._model = model
        self._packing = packing
        self._tokenizer = tokenizer
        self._labels = {one.lower() for one in labels}
        self._threshold = threshold
        self._detail: Detail = detail
        self._most_tokens = min(most_tokens, model.config.text_config.max_position_embeddings - 2)
        strides = model.config.vision_config.patch_stride
        rows, columns = (math.ceil(side / math.prod(strides)) for side in packing.size_px)
        self._picture_tokens = 1 + rows * columns  # their mean comes first

    def caption(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """Return a sentence about each of the pictures (H, W, 3). Raises ModelError, ValueError for no picture."""
        said = self.answers(pictures, ASKED[self._detail])
        texts = [self._tokenizer.decode(one.ids, skip_special_tokens=True) for one in said]
        return [" ".join(PLACE.sub(" ", one).split()) for one in texts]

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is in each picture (H, W, 3), best first. Raises ModelError, and ValueError for no picture."""
        return [self.wanted(self.read(one)) for one in self.answers(pictures, ASKED_OBJECTS)]

    def answers(self, pictures: Sequence[NDArray[np.uint8]], question: str) -> list[Said]:
        """Return what it says of each picture. Raises ModelError, ValueError for no picture."""
        if not pictures:
            return []
        device = self._model.device
        pixels = self._packing.pack(pictures, device).to(self._model.dtype)
        words = self._tokenizer(question)["input_ids"]
        ids = torch.tensor([[self._model.config.image_token_id] * self._picture_tokens + words], device=device)
        ids = ids.expand(len(pictures), -1)
        out: Any = ran(
            self.name,
            lambda: self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                pixel_values=pixels,
                max_new_tokens=self._most_tokens,
                do_sample=False,
                num_beams=1,
                output_logits=True,
                return_dict_in_generate=True,
            ),
        )
        logits = torch.stack(out.logits, dim=1).float()  # (B, steps, vocabulary)
        check_finite(self.name, logits.amax(dim=-1))
        ids = out.sequences[:, -logits.shape[1] :]
        chances = logits.softmax(dim=-1).gather(2, ids[:, :, None])[:, :, 0]
        return [self._until_end(*both) for both in zip(ids, chances, strict=True)]

    def read(self, said: Said) -> list[Seen]:
        """Return the boxes in an answer: words, then four places for each box that they name.

        The score is the geometric mean of the chances of a box's words and places.
        """
        found: list[Seen] = []
        label: list[tuple[int, float]] = []
        places: list[tuple[int, float]] = []
        special = set(self._tokenizer.all_special_ids)
        tokens = self._tokenizer.convert_ids_to_tokens(said.ids)
        for number, chance, token in zip(said.ids, said.chances, tokens, strict=True):
            if match := PLACE.fullmatch(token):
                places.append((int(match[1]), chance))
                if len(places) % 4 == 0:
                    found += self._box(label, places[-4:])
            elif number not in special:
                label = [] if places else label
                places = []
                label.append((number, chance))
        return found

    def _box(self, label: Sequence[tuple[int, float]], places: Sequence[tuple[int, float]]) -> list[Seen]:
        text = self._tokenizer.decode([one for one, _ in label]).strip()
        if not text:
            return []
        chances = [max(chance, 1e-12) for _, chance in (*label, *places)]
        score = math.exp(sum(map(math.log, chances)) / len(chances))
        return [seen_at(text, score, [(place + 0.5) / PLACES for place, _ in places])]

    def wanted(self, found: Sequence[Seen]) -> list[Seen]:
        """Return the finds that are asked for and probable enough, best first."""
        kept = [
            one
            for one in found
            if one.score > self._threshold and (not self._labels or one.label.lower() in self._labels)
        ]
        return sorted(kept, key=lambda one: -one.score)

    def _until_end(self, ids: Tensor, chances: Tensor) -> Said:
        """Cut an answer at its end; a batch goes on until the last has ended."""
        ends = self._model.generation_config.eos_token_id
        ends = set(ends) if isinstance(ends, list) else {ends}
        tokens = ids.tolist()
        length = next((place for place, one in enumerate(tokens) if one in ends), len(tokens))
        return Said(ids=tokens[:length], chances=chances.tolist()[:length])


def load_captioner(
    name: str, *, detail: Detail = "short", most_tokens: int = 256, device: str = "cpu", is_offline: bool = False
) -> Florence:
    """Return the captioner in a folder or of a hub id. Raises ModelError."""

    def load(place: str, is_local: bool) -> Florence:
        with reading(name, "its config.json", is_local=is_local):
            kind = AutoConfig.from_pretrained(place, trust_remote_code=False, local_files_only=is_local).model_type
        if kind != FLORENCE:
            raise ModelError(name, f"is a {kind} model, no captioner that is known here; known is {FLORENCE}")
        return load_florence(name, place, device, is_local=is_local, detail=detail, most_tokens=most_tokens)

    return load_pretrained(name, load, is_offline=is_offline)


def load_florence(
    name: str,
    place: str,
    device: str,
    *,
    is_local: bool,
    labels: Sequence[str] = (),
    threshold: float = 0.0,
    detail: Detail = "short",
    most_tokens: int = 256,
) -> Florence:
    """Return a Florence-2 model of a place that is known to hold one. Raises ModelError."""
    with reading(name, "its tokenizer", is_local=is_local):
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False, local_files_only=is_local)
    model = load_network(name, place, Florence2ForConditionalGeneration, device, is_local=is_local)
    packing = load_packing(name, place, FLORENCE_FRAMES, is_local=is_local)
    made = partial(Florence, name, model, packing, tokenizer, labels=labels, threshold=threshold)
    return made(detail=detail, most_tokens=most_tokens)
