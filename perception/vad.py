"""Who speaks when: Silero VAD (github.com/snakers4/silero-vad) per block, and utterances from its probabilities."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000
BLOCK = 512  # samples, 32 ms
BLOCK_NS = BLOCK * 1_000_000_000 // RATE_HZ
CONTEXT = 64  # samples of the block before, which the model wants in front
MODEL_FILE = "silero_vad_16k_sequence.onnx"  # same weights, any number of blocks in one call

BEGINS_AT = 0.5
GOES_ON_AT = 0.35
SHORTEST_SPEECH_BLOCKS = 8  # 0.25 s
FORGETS_AFTER_NS = 200_000_000  # what has not lasted that long yet
ENDS_AFTER_NS = 500_000_000
LEAD_NS = 300_000_000  # a recogniser should hear a little of the room first
PAD_NS = 32_000_000  # the model crosses its threshold about one block after the voice begins
LONGEST_NS = 20_000_000_000
CUTS_FROM_NS = 17_000_000_000


class Vad:
    """The neural model: the probability that somebody speaks, block by block."""

    def __init__(self, model_path: Path | None = None) -> None:
        """Load the model from `model_path`, or from the installed silero_vad package without importing that."""
        path = model_path or _packaged_model()
        self._session = _load(path)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def step(self, samples: NDArray[np.float32]) -> float:
        """Take the next block (512,) of 16 kHz mono, -1 to 1; return the probability of speech, 0 to 1."""
        return self.steps(samples[None, :])[0]

    def steps(self, blocks: NDArray[np.float32]) -> list[float]:
        """Take the next blocks (n, 512); return what `step` gives for each, bit for bit, in half the time."""
        assert blocks.ndim == 2, blocks.shape
        assert blocks.shape[1] == BLOCK, blocks.shape
        contexts = np.vstack((self._context, blocks[:-1, -CONTEXT:]))  # (n, 64)
        inputs = {"input": np.hstack((contexts, blocks)), "h": self._hidden, "c": self._cell}  # (n, 576)
        probabilities, self._hidden, self._cell = self._session.run(None, inputs)
        self._context = blocks[-1, -CONTEXT:]
        return [float(one) for one in probabilities]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStart:
    """Somebody speaks; `t_ns` is where a recogniser should begin to listen, a little before the voice."""

    t_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnd:
    """The utterance that the last `SpeechStart` announced lasted from `start_ns` to `end_ns`."""

    start_ns: int
    end_ns: int
    truncated: bool = False  # longer than 20 s: it goes on in the next one


class SpeechSegments:
    """Joins the blocks' probabilities to utterances with hysteresis.

    An utterance that grows too long is cut, from 17 s on in ever shorter pauses and at 20 s anywhere; what is still
    said then begins the next one.
    """

    def __init__(self) -> None:
        self._is_open = False  # announced by a SpeechStart
        self._start_ns: int | None = None  # of the first voiced block
        self._voiced_ns = 0  # end of the last voiced block
        self._voiced_blocks = 0
        self._taken_ns: int | None = None  # up to here an utterance before has it

    def step(self, probability: float, t_ns: int) -> list[SpeechStart | SpeechEnd]:
        """Take the probability of the block that starts at `t_ns`; return what that settles."""
        events: list[SpeechStart | SpeechEnd] = []
        patience_ns = ENDS_AFTER_NS if self._is_open else FORGETS_AFTER_NS
        if self._start_ns is not None and t_ns - self._voiced_ns >= patience_ns:
            events += self.flush(t_ns)
        if probability >= (BEGINS_AT if self._start_ns is None else GOES_ON_AT):
            events += self._voiced(t_ns)
        if self._is_open and self._is_cut_here(probability, t_ns):
            events += self._end(t_ns + BLOCK_NS, truncated=True)
        return events

    def flush(self, t_ns: int) -> list[SpeechStart | SpeechEnd]:
        """End the open utterance, at the latest at `t_ns`."""
        return self._end(min(t_ns, self._voiced_ns + PAD_NS), truncated=False)

    def _voiced(self, t_ns: int) -> list[SpeechStart | SpeechEnd]:
        if self._start_ns is None:
            self._start_ns = t_ns
        self._voiced_ns = t_ns + BLOCK_NS
        self._voiced_blocks += 1
        if self._is_open or self._voiced_blocks < SHORTEST_SPEECH_BLOCKS:
            return []
        self._is_open = True
        return [SpeechStart(t_ns=self._earlier(self._start_ns, LEAD_NS))]

    def _is_cut_here(self, probability: float, t_ns: int) -> bool:
        """Say whether the block is the place to cut a long utterance: the longer it is, the less of a pause will do."""
        assert self._start_ns is not None
        over_ns = t_ns + BLOCK_NS - self._start_ns - CUTS_FROM_NS
        return over_ns >= 0 and probability <= over_ns / (LONGEST_NS - CUTS_FROM_NS)

    def _end(self, end_ns: int, *, truncated: bool) -> list[SpeechStart | SpeechEnd]:
        start_ns, was_open = self._start_ns, self._is_open
        self._start_ns = None
        self._is_open = False
        self._voiced_blocks = 0
        if start_ns is None or not was_open:
            return []
        utterance = SpeechEnd(start_ns=self._earlier(start_ns, PAD_NS), end_ns=end_ns, truncated=truncated)
        self._taken_ns = end_ns
        return [utterance]

    def _earlier(self, t_ns: int, by_ns: int) -> int:
        """Return the time that much earlier, but not within the utterance before."""
        return t_ns - by_ns if self._taken_ns is None else max(t_ns - by_ns, self._taken_ns)


def _packaged_model() -> Path:
    """Find the model inside the silero_vad package; importing that would load torch."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("Silero VAD", "the package silero-vad is not installed; pip install silero-vad")
    return Path(spec.submodule_search_locations[0]) / "data" / MODEL_FILE


def _load(path: Path) -> Any:  # onnxruntime ships no types
    import onnxruntime

    if not path.is_file():
        raise ModelError("Silero VAD", f"no model file {path}; reinstall the package silero-vad")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # a broken file is reported below, once
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no other base
        raise ModelError("Silero VAD", f"{path} is not a model that onnxruntime can load") from error
