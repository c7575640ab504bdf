"""Boxes with names, by a detector of transformers: RT-DETR and its kin (own labels), OWLv2 (any words), Florence-2.

Pictures of several cameras go through the model at once. Weights are safetensors, and pixels are packed by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForObjectDetection, AutoTokenizer, Owlv2ForObjectDetection

from perception.vision.captioner import FLORENCE, load_florence
from perception.vision.networks import check_finite, load_network, load_packing, ran
from perception.vision.packing import Packing
from perception.vision.seen import Detector, seen_at
from runtime.errors import ModelError
from runtime.messages import Seen
from runtime.pretrained import load_pretrained, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLOSED = ("rt_detr", "rt_detr_v2", "d_fine")  # they score each label by itself, and take one size of picture
OPEN = "owlv2"
USUAL_CLOSED = Packing(size_px=(640, 640))
USUAL_OPEN = Packing(
    size_px=(960, 960),
    mean=(0.48145466, 0.4578275, 0.40821073),
    deviation=(0.26862954, 0.26130258, 0.27577711),
    is_squared=True,
)


def load_detector(
    name: str, *, labels: Sequence[str] = (), threshold: float = 0.5, device: str = "cpu", is_offline: bool = False
) -> Detector:
    """Return the detector in a folder or of a hub id, which tells of `labels` only (none: of all it knows).

    Raises ModelError.
    """
    load = partial(_loaded, name, tuple(labels), threshold, device)
    return load_pretrained(name, load, is_offline=is_offline, has_tokenizer=False)


class ClosedDetector:
    """RT-DETR and its kin: they know a fixed list of labels."""

    def __init__(self, name: str, model: Any, packing: Packing, labels: Sequence[str], threshold: float) -> None:
        self.name = name
        known = {int(place): str(label) for place, label in model.config.id2label.items()}
        if unknown := sorted(set(labels) - set(known.values())):
            some = ", ".join(sorted(known.values())[:8])
            raise ModelError(name, f"does not know {', '.join(unknown)}; it knows {some} and others")
        self._known = known
        self._wanted = set(labels) or set(known.values())
        self._model = model
        self._packing = packing
        self._threshold = threshold

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is in each picture (H, W, 3), best first. Raises ModelError, and ValueError for no picture."""
        if not pictures:
            return []
        pixels = self._packing.pack(pictures, self._model.device)
        out = ran(self.name, lambda: self._model(pixel_values=pixels.to(self._model.dtype)))
        scores, boxes = out.logits.float().sigmoid(), corners(out.pred_boxes.float())
        check_finite(self.name, scores, boxes)
        return [self._seen(*both) for both in zip(scores, boxes, strict=True)]

    def _seen(self, scores: Tensor, boxes: Tensor) -> list[Seen]:
        """scores (Q, K), boxes (Q, 4): a box may have several labels, but there are no more results than boxes."""
        best, places = scores.flatten().topk(len(scores))
        kept = best > self._threshold
        found = []
        for score, place in zip(best[kept].tolist(), places[kept].tolist(), strict=True):
            query, number = divmod(place, scores.shape[1])
            label = self._known[number]
            if label in self._wanted:
                found.append(seen_at(label, score, boxes[query].tolist()))
        return found


class OpenDetector:
    """OWLv2: it looks for words."""

    def __init__(
        self, name: str, model: Any, packing: Packing, tokenizer: Any, labels: Sequence[str], threshold: float
    ) -> None:
        if not labels:
            raise ModelError(name, "looks for words; name them as labels")
        self.name = name
        self._labels = list(labels)
        self._model = model
        self._packing = packing
        self._threshold = threshold
        longest = model.config.text_config.max_position_embeddings
        self._words = tokenizer(
            self._labels, padding="max_length", truncation=True, max_length=longest, return_tensors="pt"
        )

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is in each picture (H, W, 3), best first. Raises ModelError, and ValueError for no picture."""
        if not pictures:
            return []
        device, count = self._model.device, len(pictures)
        pixels = self._packing.pack(pictures, device)
        ids = self._words["input_ids"].repeat(count, 1).to(device)  # of every picture's words
        mask = self._words["attention_mask"].repeat(count, 1).to(device)
        out = ran(
            self.name,
            lambda: self._model(input_ids=ids, attention_mask=mask, pixel_values=pixels.to(self._model.dtype)),
        )
        scores, boxes = out.logits.float().sigmoid(), corners(out.pred_boxes.float())
        check_finite(self.name, scores, boxes)
        return [self._seen(*three) for three in zip(scores, boxes, pictures, strict=True)]

    def _seen(self, scores: Tensor, boxes: Tensor, picture: NDArray[np.uint8]) -> list[Seen]:
        """scores (Q, K), boxes (Q, 4) of the picture made square."""
        height_px, width_px = picture.shape[:2]
        side_px = max(height_px, width_px)
        boxes = boxes * torch.tensor([side_px / width_px, side_px / height_px] * 2, device=boxes.device)
        best, numbers = scores.max(dim=1)
        order = [
            place for place in best.argsort(descending=True, stable=True).tolist() if best[place] > self._threshold
        ]
        return [
            seen_at(self._labels[int(numbers[place])], float(best[place]), boxes[place].tolist()) for place in order
        ]


def corners(boxes: Tensor) -> Tensor:
    """boxes (..., 4) as middle and size -> left, top, right, bottom."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def _loaded(name: str, labels: tuple[str, ...], threshold: float, device: str, place: str, is_local: bool) -> Detector:
    options = {"trust_remote_code": False, "local_files_only": is_local}
    with reading(name, "its config.json", is_local=is_local):
        kind = AutoConfig.from_pretrained(place, **options).model_type
    if kind == FLORENCE:
        return load_florence(name, place, device, is_local=is_local, labels=labels, threshold=threshold)
    if kind not in (*CLOSED, OPEN):
        known = ", ".join((*CLOSED, OPEN, FLORENCE))
        raise ModelError(name, f"is a {kind} model, no detector that is known here; known are {known}")
    made = Owlv2ForObjectDetection if kind == OPEN else AutoModelForObjectDetection
    model = load_network(name, place, made, device, is_local=is_local)
    packing = load_packing(name, place, USUAL_OPEN if kind == OPEN else USUAL_CLOSED, is_local=is_local)
    if kind in CLOSED:
        return ClosedDetector(name, model, packing, labels, threshold)
    with reading(name, "its tokenizer", is_local=is_local):
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
    return OpenDetector(name, model, packing, tokenizer, labels, threshold)
