"""One audio stream from blocks to records: who spoke when, with which words, and which other sounds stood out."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from perception.asr import Asr
from perception.blindness import AudioBlindness
from perception.blocks import BLOCK, SAMPLE_NS, AudioBlock
from perception.loudness import SoundEvent, SoundEvents
from perception.vad import SpeechEnd, SpeechSegments, SpeechStart, Vad
from runtime.messages import Record, Sensor, Sound, Utterance

BACKLOG = 32  # blocks (1 s) kept, because speech is only known to have begun a little after it did


class AudioStream:
    """Perceives one microphone; recognises words while the person still talks."""

    sensor: ClassVar[Sensor] = "audio"

    def __init__(self, session: str, stream: str, epoch: int, vad: Vad, asr: Asr | None) -> None:
        """Start with nothing heard; without `asr` utterances have times but no words."""
        self.blind = ""
        self.active_ns: int | None = None  # since when somebody speaks whose words are not told yet
        self._session = session
        self._stream = stream
        self._epoch = epoch
        self._vad = vad
        self._asr = asr
        self._speech = SpeechSegments()
        self._sounds = SoundEvents()
        self._blindness = AudioBlindness()
        self._backlog: deque[AudioBlock] = deque(maxlen=BACKLOG)
        self._utterances = 0
        self._sound_count = 0
        self._t_ns = 0  # end of what was heard

    @property
    def blind_since_ns(self) -> int | None:
        """Since when it hears nothing, also before `blind` says so."""
        return self._blindness.since_ns

    def step(self, samples: Sequence[AudioBlock]) -> list[Record]:
        """Listen to the next blocks, in order; returns what became known, stamped with the end of its block."""
        records: list[Record] = []
        speech = self._vad.steps(np.stack([block.samples for block in samples])) if samples else []
        for block, probability in zip(samples, speech, strict=True):
            self._t_ns = block.end_ns
            self._backlog.append(block)
            self.blind = self._blindness.step(block.samples[: block.count], self._t_ns)
            if self.active_ns is not None and self._asr is not None:
                self._asr.feed(block.samples)
            for event in self._speech.step(probability, block.t_ns):
                records += self._hear(event)
            records += [
                self._sound(one) for one in self._sounds.step(block.samples, block.t_ns, self.active_ns is not None)
            ]
        return records

    def finish(self) -> list[Record]:
        """Close the open utterance and sound at the end of the stream."""
        records: list[Record] = []
        for event in self._speech.flush(self._t_ns):
            records += self._hear(event)
        self.active_ns = None
        return records + [self._sound(one) for one in self._sounds.flush()]

    def _hear(self, event: SpeechStart | SpeechEnd) -> list[Record]:
        if isinstance(event, SpeechStart):
            self.active_ns = event.t_ns
            if self._asr is not None:
                self._asr.start(self._seed())
                for block in self._backlog:
                    if block.t_ns + BLOCK * SAMPLE_NS > event.t_ns:
                        self._asr.feed(block.samples)
            return []
        text = self._asr.finish() if self._asr is not None else ""
        self.active_ns = None
        self._utterances += 1
        return [
            Utterance(
                session=self._session,
                stream=self._stream,
                epoch=self._epoch,
                seq=self._utterances,
                t_ns=self._t_ns,
                start_ns=event.start_ns,
                end_ns=min(event.end_ns, self._t_ns),
                text=text,
                model=self._asr.name if self._asr is not None else "",
                truncated=event.truncated,
            )
        ]

    def _seed(self) -> int:
        # every random draw is seeded by session, stream and number: a replay repeats it
        return zlib.crc32(f"{self._session}/{self._stream}/{self._utterances}".encode())

    def _sound(self, event: SoundEvent) -> Sound:
        self._sound_count += 1
        return Sound(
            session=self._session,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._sound_count,
            t_ns=self._t_ns,
            start_ns=event.start_ns,
            end_ns=min(event.end_ns, self._t_ns),  # the last block is padded
            label=event.label,
            level_db=round(event.level_db, 2),
            rise_db=round(event.rise_db, 2),
            pitch_hz=round(event.pitch_hz, 1),
        )
