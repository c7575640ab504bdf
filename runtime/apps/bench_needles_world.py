"""Days as they are: talk some hours a day, sounds and movement all day, pictures without end, and needles on one day.

Everything is made from a seed and its times are simulated. Talk comes in conversations, which come again; pictures
show recurring scenes, each for a while, and each has a made-up vector, as no visual encoder ships yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from memory.describe import place
from runtime.apps.bench_needles_said import Needle
from runtime.messages import Box, Frame, Motion, Record, Sound, Utterance, record_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 11
S = 1_000_000_000
HOUR = 3_600 * S
DAY = 24 * HOUR
SESSION = "days"
MIC, YARD, CAMERA = "mic", "yard", "camera"
SLOTS_H = (7.0, 22.5)  # when people talk
SLOT = 300 * S
WORD_S = 0.35
SOUNDS_AN_HOUR, MOVEMENTS_AN_HOUR = 60, 80
SOUNDS = ("noise",) * 12 + ("tone",) * 4 + ("footsteps", "door knock", "car horn", "rain", "church bells", "hoover")
DAYTIME_SOUNDS = ("dog barking", "baby crying", "birdsong")
BOXES: tuple[Box, ...] = tuple(
    (x / 3 + 0.05, y / 3 + 0.05, x / 3 + 0.25, y / 3 + 0.25) for x in range(3) for y in range(3)
)
RARE_PLACES = ("at the top left", "at the top right")  # only needles move there

SCENES, LATENT, WIDTH = 400, 48, 256
RUN = (4, 60)  # pictures for which a scene lasts
SCENE_NOISE, VECTOR_NOISE, QUERY_NOISE = 0.3, 0.3, 0.5
NEEDLE_PICTURES = 4
NEEDLE_APART = 0.7  # how far a needle's scene lies from a recurring one, of how far these lie apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A needle in its place."""

    needle: Needle
    record_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """How dense a day is; full days hold 2,000 sentences, 1,440 sounds, 1,920 movements and 8,640 pictures."""

    conversations: Sequence[tuple[str, ...]]
    talks_a_day: int
    picture_apart_s: int
    share: float = 1.0  # of the sounds and movements of a full day

    def records(self, day: int, needles: Sequence[Needle] = ()) -> tuple[list[Record], list[Hidden]]:
        """Return the records of one day in the order in which they became known, and where its needles are."""
        random = Random(f"{SEED} {day}")
        found = [*self._sounds(day, random), *self._movements(day, random), *self._pictures(day)]
        slots = list(range(round(SLOTS_H[0] * HOUR), round(SLOTS_H[1] * HOUR), SLOT))
        random.shuffle(slots)
        talks = slots[len(needles) :][: self.talks_a_day]
        seq = _Counter()
        for at_ns in talks:
            number = random.randrange(len(self.conversations))
            found += _talk(day * DAY + at_ns, self.conversations[number], Random(number), seq)
        hidden = []
        for needle, slot_ns in zip(needles, slots, strict=False):
            records, which = self._hide(needle, day * DAY + slot_ns, day * DAY, random, seq)
            found += records
            start_ns, end_ns = span(which)
            hidden.append(Hidden(needle=needle, record_id=record_id(which), start_ns=start_ns, end_ns=end_ns))
        return sorted(found, key=lambda record: (record.t_ns, record.stream, record.kind, record.seq)), hidden

    def _hide(
        self, needle: Needle, slot_ns: int, day_ns: int, random: Random, seq: _Counter
    ) -> tuple[list[Record], Record]:
        """Return the records that hold a needle, and the one that is meant; talk goes on around a sentence."""
        at_ns = slot_ns if needle.at_h is None else day_ns + round(needle.at_h * HOUR)
        match needle.sensor:
            case "speech":
                around = random.choice(self.conversations)[:5]
                records = _talk(at_ns, (*around[:3], needle.said, *around[3:]), random, seq)
                return records, records[3]
            case "sound":
                which: Record = _sound(YARD, at_ns, seq.next(YARD), needle.said, random)
            case _:
                box = next(box for box in BOXES if place(box).endswith(needle.said))
                which = _motion(at_ns, seq.next(CAMERA), box, random)
        return [which], which

    def _sounds(self, day: int, random: Random) -> Iterator[Record]:
        for number in range(round(24 * SOUNDS_AN_HOUR * self.share)):
            at_ns = random.randrange(DAY)
            is_day = SLOTS_H[0] * HOUR < at_ns < SLOTS_H[1] * HOUR
            label = random.choice((*SOUNDS, *DAYTIME_SOUNDS) if is_day else SOUNDS)
            yield _sound(YARD, day * DAY + at_ns, day * 10_000 + number, label, random)

    def _movements(self, day: int, random: Random) -> Iterator[Record]:
        boxes = [box for box in BOXES if place(box) not in RARE_PLACES]
        for number in range(round(24 * MOVEMENTS_AN_HOUR * self.share)):
            at_ns = day * DAY + random.randrange(DAY)
            yield _motion(at_ns, day * 10_000 + number, random.choice(boxes), random)

    def _pictures(self, day: int) -> Iterator[Record]:
        apart_ns = self.picture_apart_s * S
        for number in range(DAY // apart_ns):
            yield Frame(
                session=SESSION, stream=CAMERA, epoch=0, seq=day * 10_000 + number, t_ns=day * DAY + number * apart_ns,
                width_px=64, height_px=48, novelty=0.1, is_cut=False, luma=0.5, payload=b"\xff\xd8",
            )  # fmt: skip


class Scenes:
    """Vectors of pictures: recurring scenes, and such as occurred once, each a little beside a recurring one."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)
        self._scenes = random.standard_normal((SCENES, LATENT), np.float32)
        self._projection = random.standard_normal((LATENT, WIDTH), np.float32) / np.float32(LATENT**0.5)

    def vectors(self, day: int, count: int, needles: Sequence[int] = ()) -> NDArray[np.float32]:
        """Return the vectors (n, C) of a day's pictures; at the places `needles` begins what occurs once."""
        random = np.random.default_rng((SEED, day))
        lasting = random.integers(RUN[0], RUN[1] + 1, -(-count // RUN[0]))
        latent = self._scenes[np.repeat(random.integers(0, SCENES, len(lasting)), lasting)[:count]]
        for first in needles:
            beside = np.random.default_rng((SEED, day, first)).standard_normal(LATENT, np.float32)
            latent[first : first + NEEDLE_PICTURES] += NEEDLE_APART * beside
        latent = latent + SCENE_NOISE * random.standard_normal((count, LATENT), np.float32)
        return _normal(latent @ self._projection + VECTOR_NOISE * random.standard_normal((count, WIDTH), np.float32))


def noisy(vector: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return a vector (C,) as another look at the same would give it."""
    noise = np.random.default_rng((SEED, seed)).standard_normal(len(vector), np.float32)
    return _normal(vector + np.float32(QUERY_NOISE / len(vector) ** 0.5) * noise)


def span(record: Record) -> tuple[int, int]:
    """Return when a record begins and ends."""
    return (record.t_ns, record.t_ns) if isinstance(record, Frame) else (record.start_ns, record.end_ns)


class _Counter:
    """Numbers beyond those of a day's other records."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def next(self, stream: str) -> int:
        self._next[stream] = self._next.get(stream, 0) + 1
        return -self._next[stream]


def _talk(at_ns: int, said: Iterable[str], random: Random, seq: _Counter) -> list[Record]:
    """Return sentences one after the other; the same `random` gives the same pauses."""
    records: list[Record] = []
    for text in said:
        end_ns = at_ns + round(WORD_S * S) * len(text.split())
        records.append(
            Utterance(
                session=SESSION, stream=MIC, epoch=at_ns // DAY, seq=-seq.next(MIC), t_ns=end_ns, start_ns=at_ns,
                end_ns=end_ns, text=text, model="made",
            )
        )  # fmt: skip
        at_ns = end_ns + round(random.uniform(0.3, 1.5) * S)
    return records


def _sound(stream: str, at_ns: int, seq: int, label: str, random: Random) -> Sound:
    end_ns = at_ns + round(random.uniform(0.2, 2.0) * S)
    pitch_hz = 20.0 * random.randrange(10, 100) if label == "tone" else 0.0
    return Sound(
        session=SESSION, stream=stream, epoch=0, seq=seq, t_ns=end_ns, start_ns=at_ns, end_ns=end_ns, label=label,
        level_db=-20.0, rise_db=random.uniform(10, 30), pitch_hz=pitch_hz,
    )  # fmt: skip


def _motion(at_ns: int, seq: int, box: Box, random: Random) -> Motion:
    end_ns = at_ns + round(random.uniform(0.5, 5.0) * S)
    area = random.uniform(0.01, 0.3)
    return Motion(
        session=SESSION, stream=CAMERA, epoch=0, seq=seq, t_ns=end_ns, start_ns=at_ns, end_ns=end_ns, boxes=(box,),
        area=area,
    )  # fmt: skip


def _normal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
