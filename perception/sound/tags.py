"""One stream of 16 kHz blocks in, named sounds out, each with its start, its end and how sure that is.

Sounds unlike all that was learnt are nothing known, and so is whatever is too quiet; neither is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from perception.sound.encoder import TOKEN
from perception.sound.logmel import RATE_HZ, mono
from perception.sound.weights import SoundModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
TOKEN_NS = TOKEN * NS_PER_S // RATE_HZ
HOLE_NS = 50_000_000  # as in the cutting of blocks: more is missing sound

BEGINS = 0.8  # so sure it must be that a sound is there
GOES_ON = 0.5  # and stay
TOKENS = 16  # over which it is told: 2.56 s, as long as the pieces of which it was learnt
LEAST = 4  # tokens that must be heard before anything is told
SHORTEST = 4  # tokens in a row for which it must be sure
LONGEST_NS = 10 * NS_PER_S  # what lasts is told in pieces that touch
QUIET_DB = -60.0  # below full scale; nothing is heard in less


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundTag:
    """A known sound; one that lasts comes in pieces of at most 10 s that touch."""

    start_ns: int
    end_ns: int
    label: str  # one of the model's classes
    confidence: float  # the mean over its tokens, 0 to 1
    level_db: float  # dBFS of its loudest token


class SoundTagger:
    """Follows one stream; the model may be shared by many."""

    def __init__(self, model: SoundModel) -> None:
        self.shares = np.zeros(len(model.classes))  # how sure it is of each class at this moment
        self._model = model
        self._state = model.encoder.start(1)
        self._next_ns: int | None = None  # when the next sample is due
        self._restart(0)

    def step(self, samples: NDArray[np.float32], t_ns: int) -> list[SoundTag]:
        """Take samples (n,) or (n, channels), any n, the first of them at `t_ns`; return the sounds that ended."""
        done = []
        if self._next_ns is None or abs(t_ns - self._next_ns) > HOLE_NS:
            done = self.flush()
            self._restart(t_ns)
        heard = mono(samples)
        self._next_ns = t_ns + len(heard) * NS_PER_S // RATE_HZ
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(heard, np.float32))[None]
            tokens, self._state = self._model.encoder.step(batch, self._state)
            logits, weights = (rows[0].numpy().astype(np.float64) for rows in self._model.head(tokens))
        levels = self._levels(heard, len(logits))
        for row, weight, level_db in zip(logits, weights, levels, strict=True):
            done += self._hear(row, float(weight), level_db)
        return done

    def flush(self) -> list[SoundTag]:
        """End what is going on."""
        return self._end()

    def _restart(self, t_ns: int) -> None:
        self._state = self._model.encoder.start(1)
        self._rest = np.zeros(0, np.float32)  # samples that fill no token yet
        self._recent: list[tuple[NDArray[np.float64], float, float]] = []  # logits, weight, level of each token
        self._end_ns = t_ns  # of the last token
        self._label: int | None = None  # what is heard now
        self._sure: list[tuple[float, float]] = []  # confidence and level of its tokens
        self._start_ns = self._last_ns = t_ns  # of that: its first token, and the end of the last that says so itself
        self.shares[:] = 0

    def _levels(self, heard: NDArray[np.float32], count: int) -> list[float]:
        """Return the RMS level of each token that is now whole."""
        self._rest = np.concatenate((self._rest, np.nan_to_num(heard, posinf=0.0, neginf=0.0)))
        whole = self._rest[: count * TOKEN].reshape(count, TOKEN).astype(np.float64).clip(-1, 1)
        self._rest = self._rest[count * TOKEN :]
        return [10 * math.log10(max(power, 1e-12)) for power in (whole**2).mean(axis=1)]

    def _hear(self, logits: NDArray[np.float64], weight: float, level_db: float) -> list[SoundTag]:
        """Take the next token: begin, continue or end a sound."""
        self._end_ns += TOKEN_NS
        self._recent = [*self._recent[-(TOKENS - 1) :], (logits, weight, level_db)]
        self.shares[:] = self._told()
        best = int(self.shares.argmax())
        done: list[SoundTag] = []
        if self._label is not None and self.shares[self._label] < GOES_ON:
            done = self._end()
        if self._label is None and self.shares[best] >= BEGINS:
            self._label, self._start_ns, self._last_ns = best, self._began(best), self._end_ns
        if self._label is not None:
            self._sure.append((float(self.shares[self._label]), level_db))
            if level_db >= QUIET_DB and _softmax(logits)[self._label] >= GOES_ON:
                self._last_ns = self._end_ns
            if self._end_ns - self._start_ns >= LONGEST_NS:
                done += self._piece()
        return done

    def _piece(self) -> list[SoundTag]:
        """Tell of what goes on, as far as it went."""
        label, self._last_ns = self._label, self._end_ns
        done = self._end()
        self._label, self._start_ns = label, self._end_ns
        return done

    def _told(self) -> NDArray[np.float64]:
        """Return how likely each class is over the last tokens: by their weights, those too quiet left out."""
        heard = [(logits, weight) for logits, weight, level_db in self._recent if level_db >= QUIET_DB]
        if len(self._recent) < LEAST or not heard:
            return np.zeros_like(self.shares)
        shares = _softmax(np.array([weight for _, weight in heard]))
        told = _softmax(shares @ np.stack([logits for logits, _ in heard]))
        return told[: len(self.shares)]

    def _began(self, label: int) -> int:
        """Return when a sound that is now told of was first heard: the first of the last tokens that says so itself."""
        for back, (logits, _, level_db) in enumerate(self._recent):
            if level_db >= QUIET_DB and _softmax(logits)[label] >= GOES_ON:
                return self._end_ns - (len(self._recent) - back) * TOKEN_NS
        return self._end_ns - TOKEN_NS

    def _end(self) -> list[SoundTag]:
        """Return the sound that is over, unless it was too short to be told."""
        label, sure, self._label, self._sure = self._label, self._sure, None, []
        if label is None or len(sure) < SHORTEST:
            return []
        confidence, level_db = np.mean([one for one, _ in sure]), max(one for _, one in sure)
        return [
            SoundTag(
                start_ns=self._start_ns,
                end_ns=self._last_ns,
                label=self._model.classes[label],
                confidence=round(float(confidence), 4),
                level_db=round(level_db, 2),
            )
        ]


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.exp(x - x.max())
    return np.asarray(power / power.sum())
