"""Sounds whose level rises clearly above a running background, and backgrounds that are loud themselves."""

from __future__ import annotations

import math
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
STEADY_DB = -40.0  # a background louder than this is a sound itself, or rain would be called quiet
STEADY_NS = 3_000_000_000  # once it has lasted
SPEECH_LAG_BLOCKS = 9  # speech is recognised as such about 0.3 s after it began
TONE_SHARE = 0.6  # of the energy lies in one narrow peak
PEAK_BINS = 2  # to each side of it: the width of a Hann window's main lobe
LOWEST_PITCH_HZ = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEvent:
    """A sound that is not speech; one that lasts comes in pieces of at most 10 s that touch."""

    start_ns: int
    end_ns: int
    label: str  # "tone", "noise" or "steady noise"
    level_db: float  # dBFS of its loudest block; a full-scale sine has -3
    rise_db: float  # above the background before it; 0 for a steady noise, which is the background
    pitch_hz: float  # 0 for a noise


class SoundEvents:
    """Follows one stream of blocks; needs to be told which of them are speech."""

    def __init__(self) -> None:
        self.level_db = SILENCE_DB  # of the last block
        self._background_db: float | None = None
        self._event: _Event | None = None
        self._steady: _Steady | None = None

    def step(self, samples: NDArray[np.float32], t_ns: int, is_speech: bool) -> list[SoundEvent]:
        """Take the block (512,) that starts at `t_ns`; return the events that it completes."""
        self.level_db = _level_db(samples)
        if self._background_db is None:
            self._background_db = min(max(self.level_db, LOWEST_BACKGROUND_DB), FIRST_BACKGROUND_DB)
        rise_db = self.level_db - self._background_db
        done: list[SoundEvent] = []
        if self._event is not None and t_ns - self._event.end_ns >= ENDS_AFTER_NS:
            done += self._flush_event()
        if self._event is None and rise_db >= ONSET_DB:
            self._event = _Event(t_ns, self._background_db)
        if self._event is not None:
            self._event.add(samples, self.level_db, t_ns, is_speech, is_loud=rise_db >= RELEASE_DB)
            if self._event.end_ns - self._event.start_ns >= LONGEST_NS:
                done += self._split(self._event)
        self._follow_background()
        return done + self._follow_steady(t_ns + BLOCK_NS, is_speech)

    def flush(self) -> list[SoundEvent]:
        """End what is going on."""
        steady, self._steady = self._steady, None
        return self._flush_event() + ([] if steady is None else steady.result())

    def _flush_event(self) -> list[SoundEvent]:
        event, self._event = self._event, None
        return [] if event is None else event.result()

    def _follow_steady(self, end_ns: int, is_speech: bool) -> list[SoundEvent]:
        assert self._background_db is not None
        steady = self._steady
        if is_speech or self._background_db < STEADY_DB:
            self._steady = None
            return [] if steady is None else steady.result()
        if steady is None:
            steady = self._steady = _Steady(end_ns - BLOCK_NS)
        steady.end_ns = end_ns
        steady.loudest_db = max(steady.loudest_db, self._background_db)
        if end_ns - steady.start_ns < LONGEST_NS:
            return []
        self._steady = _Steady(end_ns, goes_on=True)
        return steady.result()

    def _split(self, event: _Event) -> list[SoundEvent]:
        self._event = _Event(event.end_ns, event.background_db)
        self._event.goes_on = True
        return event.result()

    def _follow_background(self) -> None:
        assert self._background_db is not None
        step_db = RISE_DB_PER_S if self.level_db > self._background_db else -FALL_DB_PER_S
        self._background_db = max(self._background_db + step_db * BLOCK_S, LOWEST_BACKGROUND_DB)


@dataclass(slots=True)
class _Steady:
    """A loud background while it lasts."""

    start_ns: int
    end_ns: int = 0
    loudest_db: float = SILENCE_DB
    goes_on: bool = False  # the piece before was cut at its longest

    def result(self) -> list[SoundEvent]:
        """Return the piece, unless it was too short to be steady."""
        if self.end_ns - self.start_ns < (BLOCK_NS if self.goes_on else STEADY_NS):
            return []
        return [
            SoundEvent(
                start_ns=self.start_ns,
                end_ns=self.end_ns,
                label="steady noise",
                level_db=self.loudest_db,
                rise_db=0.0,
                pitch_hz=0.0,
            )
        ]


class _Event:
    """A sound while it lasts; quiet blocks wait until a loud one makes them part of it."""

    def __init__(self, start_ns: int, background_db: float) -> None:
        self.start_ns = start_ns
        self.end_ns = start_ns  # of the last loud block
        self.background_db = background_db
        self.goes_on = False  # the piece before was cut at its longest
        self._loudest_db = SILENCE_DB
        self._blocks = 0
        self._loud_blocks = 0
        self._speech_blocks = 0
        self._was_speech = False
        self._spectrum = np.zeros(BLOCK // 2 + 1)
        self._tone_energy = 0.0
        self._energy = 0.0

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
        power = _power_spectrum(samples)
        self._spectrum += power
        self._tone_energy += _peak_energy(power)
        self._energy += float(power.sum())

    def result(self) -> list[SoundEvent]:
        """Return the event, unless it was speech or a mere crackle."""
        rise_db = self._loudest_db - self.background_db
        is_crackle = self._loud_blocks < 2 and rise_db < CLICK_DB and not self.goes_on
        if not self._loud_blocks or is_crackle or self._speech_blocks * 2 > self._blocks:
            return []
        is_tone = self._tone_energy >= TONE_SHARE * self._energy
        return [
            SoundEvent(
                start_ns=self.start_ns,
                end_ns=self.end_ns,
                label="tone" if is_tone else "noise",
                level_db=self._loudest_db,
                rise_db=rise_db,
                pitch_hz=_pitch_hz(self._spectrum) if is_tone else 0.0,
            )
        ]


def _level_db(samples: NDArray[np.float32]) -> float:
    """Return the RMS level of a block in dB below full scale."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
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
