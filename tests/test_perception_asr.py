"""Speech to text: the embedded recogniser on real sentences, and the Whisper door with a tiny random model."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.asr import NoiseFloor, PocketsphinxAsr, WhisperAsr
from runtime.apps import demo
from runtime.errors import MissingPart, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perception.asr import Asr

BLOCK = 512


def hear(asr: Asr, samples: NDArray[np.float32], seed: int = 0) -> str:
    asr.start(seed)
    for at in range(0, samples.size, BLOCK):
        asr.feed(samples[at : at + BLOCK])
    return asr.finish()


def pcm(payload: bytes) -> NDArray[np.float32]:
    return np.asarray(np.frombuffer(payload, "<i2") / 32768, np.float32)


def word_errors(reference: list[str], heard: list[str]) -> int:
    """Count the substitutions, insertions and deletions between two sentences (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for at, word in enumerate(reference, start=1):
        diagonal, row[0] = row[0], at
        for to, other in enumerate(heard, start=1):
            diagonal, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, diagonal + (word != other))
    return row[-1]


def test_nothing_said_is_no_words() -> None:
    asr = PocketsphinxAsr()
    asr.start(0)
    assert asr.finish() == ""


def test_noise_goes_only_where_the_signal_is_digitally_clean() -> None:
    room = np.float32(1e-3) * np.random.default_rng(0).standard_normal(BLOCK, np.float32)
    assert NoiseFloor(1).add_to(room) is room
    clean = NoiseFloor(1)
    assert clean.add_to(np.zeros(BLOCK, np.float32)).any()
    speech = np.float32(0.1) * np.sin(np.arange(BLOCK, dtype=np.float32))
    added = clean.add_to(speech) - speech
    below_db = 20 * np.log10(np.sqrt(np.mean(speech**2)) / np.sqrt(np.mean(added**2)))
    assert below_db == pytest.approx(30, abs=1)


def test_noise_follows_from_the_seed() -> None:
    silence = np.zeros(BLOCK, np.float32)
    one, same, other = (NoiseFloor(seed).add_to(silence) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def read_wav(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path)) as file:
        return pcm(file.readframes(file.getnframes()))


@pytest.mark.parametrize("level_db", [-38, -12])
def test_the_first_sentence_of_a_stream_is_understood_at_any_level(level_db: float) -> None:
    speech = read_wav(Path(demo.__file__).with_name("demo_speech.wav"))[32_980:71_727]
    room = 10 ** ((level_db - 30) / 20) * np.random.default_rng(0).standard_normal(speech.size + 16_000)
    loud = speech * 10 ** (level_db / 20) / np.sqrt(np.mean(speech**2))
    heard = hear(PocketsphinxAsr(), np.asarray(room + np.pad(loud, 8_000), np.float32))
    assert heard == "the library will be closed on saturday"


def test_an_utterance_shorter_than_what_is_measured_is_decoded() -> None:
    asr = PocketsphinxAsr()
    room = np.float32(1e-3) * np.random.default_rng(0).standard_normal(4 * BLOCK, np.float32)
    assert len(hear(asr, room).split()) <= 1
    asr.start(0)
    assert asr.finish() == ""


@pytest.mark.data
@pytest.mark.slow
def test_real_sentences_are_understood_as_well_as_measured(data_dir: Path) -> None:
    lines = (data_dir / "speech" / "librivox_transcription.txt").read_text().splitlines()
    errors = words = 0
    asr = PocketsphinxAsr()
    for line in lines[1:4]:  # all of them: heedful eval spine
        sentence, number = line.removeprefix("<s>").split("</s>")[0].split(), line.rstrip(") \n")[-4:]
        samples = read_wav(data_dir / "speech" / f"librivox_sense_and_sensibility_{number}.wav")
        heard = hear(asr, samples)
        errors += word_errors(sentence, heard.split())
        words += len(sentence)
    assert errors / words < 0.35
    command = pcm((data_dir / "speech" / "goforward_16k_s16le.raw").read_bytes())
    assert "go forward ten" in hear(asr, command)
    one, other = PocketsphinxAsr(), PocketsphinxAsr()
    for _ in range(3):  # the same history gives the same words
        assert hear(one, command) == hear(other, command)


@pytest.fixture(scope="module")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Whisper model of the real class with random weights, as small as it gets."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    folder = tmp_path_factory.mktemp("whisper")
    letters = [*"abcdefghijklmnopqrstuvwxyz", "Ġ"]
    specials = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    vocabulary = {token: at for at, token in enumerate([*letters, *specials])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "WhisperTokenizer", "additional_special_tokens": specials})
    )
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    torch.manual_seed(0)
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_target_positions=12,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
        begin_suppress_tokens=[end],
        suppress_tokens=[vocabulary[token] for token in specials],
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config.update(no_timestamps_token_id=vocabulary["<|notimestamps|>"], max_length=12)
    model.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_whisper_transcribes_what_it_collected(whisper_folder: Path) -> None:
    asr = WhisperAsr(str(whisper_folder))
    speech = np.random.default_rng(0).standard_normal(16_000, np.float32)
    text = hear(asr, speech)
    assert text
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert hear(asr, speech) == text
    asr.start(0)
    assert asr.finish() == ""
    assert asr.name == str(whisper_folder)


@pytest.mark.slow
def test_whisper_without_its_weights_is_one_readable_line(whisper_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "vocab.json", "merges.txt", "tokenizer_config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((whisper_folder / name).read_bytes())
    with pytest.raises(MissingPart, match=r"no Whisper model .*; name a folder with config\.json") as raised:
        WhisperAsr(str(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_another_kind_of_model_is_refused(whisper_folder: Path, tmp_path: Path) -> None:
    for path in whisper_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="not a Whisper model that transformers can load"):
        WhisperAsr(str(tmp_path))


@pytest.mark.slow
def test_a_name_that_nobody_knows_is_one_readable_line() -> None:
    with pytest.raises(MissingPart, match="no Whisper model 'nobody/nothing'") as raised:
        WhisperAsr("nobody/nothing")
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)
