"""Sounds whose level rises clearly above a running background, and backgrounds that are loud themselves."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000
BLOCK = 512
BLOCK_NS = BLOCK * 1_000_000_000 // RATE_HZ
BLOCK_S = BLOCK / RATE_HZ
SILENCE_DB = -100.0  # what digital silence counts as

ONSET_DB = 12.0  # above the background
CLICK_DB = 18.0  # a single block has to stand out this much
RELEASE_DB = 6.0
ENDS_AFTER_NS = 250_000_000
LONGEST_NS = 10_000_000_000
# The background rises and falls at these speeds, so it rests at the level that a sixth of the time lies below.
RISE_DB_PER_S = 2.0
FALL_DB_PER_S = 10.0
LOWEST_BACKGROUND_DB = -70.0  # or the first breath after digital silence would be an event
FIRST_BACKGROUND_DB = -50.0  # a quiet room is assumed before anything is known: a stream may begin with a sound
# What stays louder than this is told as long as it lasts, or rain would be called quiet.
STEADY_DB = -40.0
STEADY_BLOCKS = 94  # once it has lasted 3 s
STEADY_SHARE = 5 / 6  # of the blocks are that loud: as much as puts it into the background
STEADY_SLACK_DB = 3.0  # it ends that much lower, or one that hovers about the border would come and go
SPEECH_LAG_BLOCKS = 9  # speech is recognised as such about 0.3 s after it began
TONE_SHARE = 0.85  # of the energy lies in one narrow peak that stays where it is; a bark's and a cry's do not
PEAK_BINS = 2  # to each side of it: the width of a Hann window's main lobe
LOWEST_PITCH_HZ = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEvent:
    """A sound that is not speech; one that lasts comes in pieces of at most 10 s that touch."""

    start_ns: int
    end_ns: int
    label: str  # "tone", "noise" or "steady noise"
    level_db: float  # dBFS of its loudest block; a full-scale sine has -3
    rise_db: float  # above the background before it
    pitch_hz: float  # 0 for a noise


class SoundEvents:
    """Follows one stream of blocks; needs to be told which of them are speech.

    A loud sound that lasts becomes the background, so that others are heard above it, and is told of all the same.
    """

    def __init__(self) -> None:
        self.level_db = SILENCE_DB  # of the last block
        self._background_db: float | None = None
        self._event: _Event | None = None  # stands out from the background
        self._steady: _Event | None = None  # is the background
        self._recent: deque[tuple[float, int]] = deque(maxlen=STEADY_BLOCKS)  # levels and times since the last speech
        self._end_ns = 0  # of the last block

    def step(self, samples: NDArray[np.float32], t_ns: int, is_speech: bool) -> list[SoundEvent]:
        """Take the block (512,) that starts at `t_ns`; return the events that it completes."""
        self.level_db = _level_db(samples)
        done = self.flush() if t_ns - self._end_ns >= ENDS_AFTER_NS else []  # a hole in the stream
        self._end_ns = t_ns + BLOCK_NS
        if self._background_db is None:
            self._background_db = min(max(self.level_db, LOWEST_BACKGROUND_DB), FIRST_BACKGROUND_DB)
        rise_db = self.level_db - self._background_db
        if self._event is not None and t_ns - self._event.end_ns >= ENDS_AFTER_NS:
            done += self._end_event()
        if self._event is None and rise_db >= ONSET_DB:
            self._event = _Event(t_ns, self._background_db)
        if self._event is not None:
            self._event.add(samples, self.level_db, t_ns, is_speech, is_loud=rise_db >= RELEASE_DB)
            if self._event.is_long:
                done += self._event.result()
                self._event = self._event.next_piece()
        self._follow_background(is_speech)
        return done + self._follow_steady(samples, t_ns, is_speech)

    def flush(self) -> list[SoundEvent]:
        """End what is going on."""
        self._recent.clear()
        return self._end_event() + self._end_steady()

    def _end_event(self) -> list[SoundEvent]:
        event, self._event = self._event, None
        return [] if event is None else event.result()

    def _end_steady(self) -> list[SoundEvent]:
        steady, self._steady = self._steady, None
        return [] if steady is None else steady.result()

    def _follow_background(self, is_speech: bool) -> None:
        assert self._background_db is not None
        rise_db = 0.0 if is_speech else RISE_DB_PER_S  # a long talk is no background
        step_db = rise_db if self.level_db > self._background_db else -FALL_DB_PER_S
        self._background_db = max(self._background_db + step_db * BLOCK_S, LOWEST_BACKGROUND_DB)

    def _follow_steady(self, samples: NDArray[np.float32], t_ns: int, is_speech: bool) -> list[SoundEvent]:
        """Begin, continue or end what is loud all the time; it is taken to go on while somebody speaks."""
        if is_speech and self._steady is None:
            self._recent.clear()
        elif not is_speech:
            self._recent.append((self.level_db, t_ns))
        floor_db = self._floor_db()
        if floor_db < STEADY_DB - (0.0 if self._steady is None else STEADY_SLACK_DB):
            return self._end_steady()
        done: list[SoundEvent] = []
        if self._steady is None:
            done += self._begin_steady()
        assert self._steady is not None
        assert self._background_db is not None
        self._background_db = max(self._background_db, floor_db)
        if is_speech or self._event is not None:  # heard above it
            self._steady.end_ns = self._end_ns
        else:
            self._steady.add(samples, self.level_db, t_ns, is_speech, self.level_db >= STEADY_DB - STEADY_SLACK_DB)
        if self._steady.is_long:
            done += self._steady.result()
            self._steady = self._steady.next_piece()
        return done

    def _floor_db(self) -> float:
        """Return the level that nearly all blocks of the last 3 s reach."""
        if len(self._recent) < STEADY_BLOCKS:
            return SILENCE_DB
        return sorted(level_db for level_db, _ in self._recent)[round(STEADY_BLOCKS * (1 - STEADY_SHARE))]

    def _begin_steady(self) -> list[SoundEvent]:
        """Make the event that goes on steady, or begin one where its loudness crept in or followed speech."""
        event, self._event = self._event, None
        if event is not None and not event.has_speech:
            self._steady = event
            done = []
        else:
            assert self._background_db is not None
            since_ns = next(t_ns for level_db, t_ns in self._recent if level_db >= STEADY_DB)
            self._steady = _Event(since_ns, min(self._background_db, STEADY_DB))
            done = [] if event is None else event.result()
        self._steady.is_steady = True
        return done


class _Event:
    """A sound while it lasts; quiet blocks wait until a loud one makes them part of it."""

    def __init__(self, start_ns: int, background_db: float) -> None:
        self.start_ns = start_ns
        self.end_ns = start_ns  # of the last loud block
        self.background_db = background_db
        self.is_steady = False
        self._before: _Event | None = None  # the piece before, cut at its longest
        self._loudest_db = SILENCE_DB
        self._blocks = 0
        self._loud_blocks = 0
        self._speech_blocks = 0
        self._was_speech = False
        self._spectrum = np.zeros(BLOCK // 2 + 1)

    @property
    def has_speech(self) -> bool:
        """Whether somebody spoke in it."""
        return self._speech_blocks > 0

    @property
    def is_long(self) -> bool:
        """Whether it is time to tell of it, although it goes on."""
        return self.end_ns - self.start_ns >= LONGEST_NS

    def next_piece(self) -> _Event:
        """Return what goes on after this piece; until more of it is heard it is taken to sound the same."""
        piece = _Event(self.end_ns, self.background_db)
        piece.is_steady = self.is_steady
        piece._before = self if self._loud_blocks else self._before
        if piece._before is not None:
            piece._before._before = None
        return piece

    def add(self, samples: NDArray[np.float32], level_db: float, t_ns: int, is_speech: bool, is_loud: bool) -> None:
        """Take the next block."""
        if is_speech and not self._was_speech:  # it was speech a little longer already
            self._speech_blocks += min(self._blocks, SPEECH_LAG_BLOCKS)
        self._was_speech = is_speech
        self._blocks += 1
        self._speech_blocks += is_speech
        if not is_loud:
            return
        self._loud_blocks += 1
        self._loudest_db = max(self._loudest_db, level_db)
        self.end_ns = t_ns + BLOCK_NS
        self._spectrum += _power_spectrum(samples)

    def result(self) -> list[SoundEvent]:
        """Return the event, unless it was speech or a mere crackle."""
        heard = self if self._loud_blocks or self._before is None else self._before  # all of it lay under other sounds
        rise_db = heard._loudest_db - self.background_db
        is_crackle = self._loud_blocks < 2 and rise_db < CLICK_DB and self._before is None
        if self.end_ns == self.start_ns or is_crackle or self._speech_blocks * 2 > self._blocks > 0:
            return []
        is_tone = _peak_energy(heard._spectrum) >= TONE_SHARE * heard._spectrum.sum()
        return [
            SoundEvent(
                start_ns=self.start_ns,
                end_ns=self.end_ns,
                label="tone" if is_tone else "steady noise" if self.is_steady else "noise",
                level_db=heard._loudest_db,
                rise_db=rise_db,
                pitch_hz=_pitch_hz(heard._spectrum) if is_tone else 0.0,
            )
        ]


def _level_db(samples: NDArray[np.float32]) -> float:
    """Return the RMS level of a block in dB below full scale."""
    wide = samples.astype(np.float64)
    power = float(wide @ wide) / samples.size
    return max(SILENCE_DB, 10 * math.log10(power)) if power > 0 else SILENCE_DB


def _power_spectrum(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (257,) powers at multiples of 31.25 Hz, hum and offset removed."""
    power = np.abs(np.fft.rfft(samples * np.hanning(BLOCK))) ** 2
    power[: math.ceil(LOWEST_PITCH_HZ * BLOCK / RATE_HZ)] = 0.0
    return power.astype(np.float64, copy=False)


def _peak_energy(power: NDArray[np.float64]) -> float:
    """Return the energy in and next to the strongest bin."""
    top = int(power.argmax())
    return float(power[max(0, top - PEAK_BINS) : top + PEAK_BINS + 1].sum())


def _pitch_hz(spectrum: NDArray[np.float64]) -> float:
    """Return the frequency of the strongest peak, between the bins by a parabola through its logarithm."""
    top = min(max(int(spectrum.argmax()), 1), len(spectrum) - 2)
    low, mid, high = np.log(spectrum[top - 1 : top + 2] + 1e-20)
    bend = low - 2 * mid + high
    offset = 0.5 * (low - high) / bend if bend < 0 else 0.0
    return float((top + offset) * RATE_HZ / BLOCK)
