"""Speech to text behind three calls: start an utterance, feed it while somebody talks, finish it."""

from __future__ import annotations

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

    What it learns about the channel (the cepstral mean) carries over from one utterance to the next.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        self._decoder = _decoder()
        self._noise = NoiseFloor(seed=0)

    def start(self, seed: int) -> None:
        """Begin an utterance; `seed` makes the noise that clean synthetic speech needs."""
        self._noise = NoiseFloor(seed)
        self._decoder.start_utt()

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Decode the next samples (n,)."""
        noisy = np.clip(self._noise.add_to(samples), -1.0, 1.0)
        self._decoder.process_raw((noisy * FULL_SCALE).astype("<i2").tobytes(), False, False)

    def finish(self) -> str:
        """Return the words, perhaps none."""
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        return normalise(heard.hypstr.lower().strip()) if heard is not None else ""


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
    from safetensors import SafetensorError
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        features = WhisperFeatureExtractor.from_pretrained(model)
        tokens = WhisperTokenizer.from_pretrained(model)
        network: Any = WhisperForConditionalGeneration.from_pretrained(model, use_safetensors=True)
    except OSError as error:  # what transformers raises for an absent folder, an unreachable hub and missing files
        raise MissingPart(
            f"no Whisper model {model!r} (neither such a folder nor reachable on the hub)",
            "name a folder with config.json, model.safetensors and the tokenizer's files",
        ) from error
    except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(model, "is not a Whisper model that transformers can load") from error
    try:
        return features, tokens, network.to(device).eval()
    except RuntimeError as error:
        raise MissingPart(f"no device {device!r} for {model}", "use cpu") from error
