"""Speech to text behind three calls: start an utterance, feed it while somebody talks, finish it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from perception.spelling import normalise
from runtime.errors import MissingPart, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000
FULL_SCALE = 32_767
# No microphone is this quiet: the sound was made by a program, and its silence fools the recogniser.
CLEAN_DB = -75.0
NOISE_BELOW_SPEECH_DB = 30.0
QUIETEST_SPEECH_DB = -40.0
MEASURED_SAMPLES = RATE_HZ  # of a stream's first utterance
USUAL_MEAN = (52, -4, -3, 1, -8, -4, -5, -6, -3, -2, 1, 0, 0)  # cepstrum of speech through common microphones
USUAL_FRAMES = 50  # how many frames of 10 ms it takes to believe the measured mean as much as the usual one
PRIOR_FRAMES = 500  # as how many frames pocketsphinx counts the mean that it starts with
_MEASURING = "measuring"


class Asr(Protocol):
    """A recogniser for one stream; between `start` and `finish` it is fed 16 kHz mono, -1 to 1."""

    name: str

    def start(self, seed: int) -> None:
        """Begin an utterance; every random draw in it follows from `seed`."""

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Hear the next samples (n,)."""

    def finish(self) -> str:
        """Return the words, perhaps none."""


class PocketsphinxAsr:
    """The embedded default: US English, decodes while it listens, American spelling in lower case.

    It hears speech against the mean cepstrum of its channel, which it learns as it goes. A stream's first second is
    therefore heard twice: once to measure that mean, then to be decoded with it. Without this the first sentence of a
    stream is lost at any level but the usual one.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        self._decoder = _decoder()
        self._words = self._decoder.current_search()
        self._decoder.add_keyphrase(_MEASURING, "hello")  # the cheapest search there is
        self._decoder.activate_search(self._words)
        self._noise = NoiseFloor(seed=0)
        self._is_channel_known = False
        self._first: list[bytes] = []  # what the channel will be measured on

    def start(self, seed: int) -> None:
        """Begin an utterance; `seed` makes the noise that clean synthetic speech needs."""
        self._noise = NoiseFloor(seed)
        self._first = []
        if self._is_channel_known:
            self._decoder.start_utt()

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Decode the next samples (n,)."""
        noisy = np.clip(self._noise.add_to(samples), -1.0, 1.0)
        pcm = (noisy * FULL_SCALE).astype("<i2").tobytes()
        if self._is_channel_known:
            self._decoder.process_raw(pcm, False, False)
            return
        self._first.append(pcm)
        if sum(map(len, self._first)) >= 2 * MEASURED_SAMPLES:
            self._begin()

    def finish(self) -> str:
        """Return the words, perhaps none."""
        if not self._is_channel_known:
            if not self._first:
                return ""
            self._begin()
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        return normalise(heard.hypstr.lower().strip()) if heard is not None else ""

    def _begin(self) -> None:
        """Measure the channel on what was heard so far, then decode that."""
        first = b"".join(self._first)
        self._decoder.set_cmn(",".join(f"{one:g}" for one in self._mean_cepstrum(first)))
        self._decoder.start_utt()
        self._decoder.process_raw(first, False, False)
        self._is_channel_known, self._first = True, []

    def _mean_cepstrum(self, pcm: bytes) -> NDArray[np.float64]:
        """Return the mean cepstrum (13,) to decode with: that of `pcm`, drawn to the usual shape as far as it is short.

        The first coefficient is the level, of which nothing is usual.
        """
        decoder = self._decoder
        decoder.activate_search(_MEASURING)
        decoder.set_cmn(",".join(map(str, USUAL_MEAN)))
        decoder.start_utt()
        decoder.process_raw(pcm, False, False)
        decoder.end_utt()
        frames = decoder.n_frames()
        blended = np.array(decoder.get_cmn().split(","), np.float64)
        decoder.activate_search(self._words)
        usual = np.array(USUAL_MEAN, np.float64)
        if frames == 0:
            return usual
        measured = (blended * (PRIOR_FRAMES + frames) - usual * PRIOR_FRAMES) / frames
        weight = np.array([0, *[USUAL_FRAMES] * (usual.size - 1)])
        mean: NDArray[np.float64] = (weight * usual + frames * measured) / (weight + frames)
        return mean


class NoiseFloor:
    """Puts white noise 30 dB below the speech under an utterance that holds digital silence; leaves others alone."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._loudest = 10 ** (QUIETEST_SPEECH_DB / 20)  # RMS of a block so far
        self._is_clean = False

    def add_to(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the block (n,) with noise if silence was found in it or before it."""
        rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
        self._loudest = max(self._loudest, rms)
        self._is_clean = self._is_clean or rms < 10 ** (CLEAN_DB / 20)
        if not self._is_clean:
            return samples
        noise = self._random.standard_normal(samples.size, np.float32)
        return samples + noise * np.float32(self._loudest * 10 ** (-NOISE_BELOW_SPEECH_DB / 20))


class WhisperAsr:
    """Any Whisper model of transformers: collects the utterance and transcribes it at its end.

    `model` is a folder or a hub name; only safetensors weights are read and no code of the model's is run.
    """

    def __init__(self, model: str, device: str = "cpu") -> None:
        self.name = model
        self._device = device
        self._features, self._tokens, self._model = _load_whisper(model, device)
        self._heard: list[NDArray[np.float32]] = []

    def start(self, seed: int) -> None:
        """Begin an utterance; decoding is greedy, so `seed` has nothing to decide."""
        self._heard = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Collect the next samples (n,)."""
        self._heard.append(samples)

    def finish(self) -> str:
        """Return the words as the model writes them; ModelError if it fails."""
        import torch

        if not self._heard:
            return ""
        speech = np.concatenate(self._heard)
        self._heard = []
        inputs = self._features(speech, sampling_rate=RATE_HZ, return_tensors="pt", return_attention_mask=True)
        is_multilingual = getattr(self._model.generation_config, "is_multilingual", False)  # older models do not say
        options = {"language": "en", "task": "transcribe"} if is_multilingual else {}
        try:
            with torch.inference_mode():
                tokens = self._model.generate(
                    inputs.input_features.to(self._device, self._model.dtype),
                    attention_mask=inputs.attention_mask.to(self._device),
                    do_sample=False,
                    num_beams=1,
                    **options,
                )
        except (RuntimeError, ValueError, IndexError) as error:
            raise ModelError(self.name, f"could not transcribe {speech.size / RATE_HZ:.1f} s: {error}") from error
        text: str = self._tokens.decode(tokens[0], skip_special_tokens=True)
        return text.strip()


def _decoder() -> Any:  # pocketsphinx ships no types
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise MissingPart("pocketsphinx is not installed", "pip install pocketsphinx") from error
    try:
        # one search pass instead of two and fewer rivals: half the work, and no worse on what we measured
        return Decoder(loglevel="FATAL", fwdflat=False, maxhmmpf=3000)
    except RuntimeError as error:
        raise ModelError("pocketsphinx", f"its model could not be loaded ({error}); reinstall pocketsphinx") from error


def _load_whisper(model: str, device: str) -> tuple[Any, Any, Any]:
    """Return feature extractor, tokenizer and network of one Whisper model."""
    if Path(model).is_absolute() and not Path(model).is_dir():  # no need to import transformers to say so
        raise _no_whisper(model)
    from safetensors import SafetensorError
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        features = WhisperFeatureExtractor.from_pretrained(model)
        tokens = WhisperTokenizer.from_pretrained(model)
        network: Any = WhisperForConditionalGeneration.from_pretrained(model, use_safetensors=True)
    except OSError as error:  # what transformers raises for an absent folder, an unreachable hub and missing files
        raise _no_whisper(model) from error
    except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(model, "is not a Whisper model that transformers can load") from error
    try:
        return features, tokens, network.to(device).eval()
    except RuntimeError as error:
        raise MissingPart(f"no device {device!r} for {model}", "use cpu") from error


def _no_whisper(model: str) -> MissingPart:
    return MissingPart(
        f"no Whisper model {model!r} (neither such a folder nor reachable on the hub)",
        "name a folder with config.json, model.safetensors and the tokenizer's files",
    )
