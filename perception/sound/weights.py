"""A trained network for sounds in one file: weights, and in the metadata how it is built and what its classes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor, nn

from perception.learn import checkpoint
from perception.sound.encoder import AudioEncoder, SoundHead
from runtime.errors import MissingPart

SHIPPED = Path(__file__).parent.parent / "weights" / "esc10.safetensors"
FORMAT = 1
REMEDY = "train with `heedful train esc10`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a network is built."""

    width: int = 96
    depth: int = 1
    stem: tuple[int, int] = (32, 64)
    heads: int = 3
    frames: int = 16
    decay: float = 0.97


class SoundModel(nn.Module):
    """An encoder, its head, and what the head's outputs are called; one more, the last, is nothing known."""

    def __init__(self, shape: Shape, classes: Sequence[str]) -> None:
        super().__init__()
        self.shape = shape
        self.classes = tuple(classes)
        self.encoder = AudioEncoder(**asdict(shape))
        self.head = SoundHead(shape.width, len(classes) + 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Levels of whole clips (B, F, mels) -> logits (B, classes + 1)."""
        return self.head.whole(self.encoder.see(frames))


def save(path: Path, model: SoundModel, about: Mapping[str, object]) -> None:
    """Write a model; `about` says how it came to be. An older file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = {"format": FORMAT, "shape": asdict(model.shape), "classes": model.classes, "about": dict(about)}
    checkpoint.save(path, model.state_dict(), note)


def load(path: Path = SHIPPED) -> SoundModel:
    """Read a model, in eval mode. Raises MissingPart where there is none, or one of another make."""
    if not path.exists():
        raise MissingPart(f"no weights for sounds at {path}", REMEDY)
    tensors, note = checkpoint.load(path)
    if note.get("format") != FORMAT:
        raise MissingPart(f"{path} is of another make", REMEDY)
    shape = Shape(**note["shape"] | {"stem": tuple(note["shape"]["stem"])})
    model = SoundModel(shape, [str(one) for one in note["classes"]])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise MissingPart(f"{path} does not fit this version", REMEDY) from error
    return model.eval()
