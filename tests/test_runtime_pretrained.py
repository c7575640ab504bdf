"""Folders of models: what is refused before anything is read, and in one line whatever goes wrong."""

from pathlib import Path

import pytest

from runtime.errors import ModelError
from runtime.pretrained import Incomplete, check_weights, load_pretrained, read_json, reading


def place_of(folder: Path, *, has_tokenizer: bool = False) -> tuple[str, bool]:
    return load_pretrained(str(folder), lambda place, is_local: (place, is_local), has_tokenizer=has_tokenizer)


def test_a_folder_is_read_here_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert place_of(tmp_path) == (str(tmp_path), True)
    with pytest.raises(ModelError, match="holds no tokenizer"):
        place_of(tmp_path, has_tokenizer=True)
    (tmp_path / "tokenizer.json").write_text("{}")
    assert place_of(tmp_path, has_tokenizer=True) == (str(tmp_path), True)


def test_what_is_no_folder_of_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        place_of(tmp_path)
    file = tmp_path / "config.json"
    file.write_text("{}")
    with pytest.raises(ModelError, match="is a file; name its folder"):
        place_of(file)
    with pytest.raises(ModelError, match="holds no weights"):
        place_of(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="holds pickle weights only"):
        place_of(tmp_path)
    with pytest.raises(ModelError, match="no such folder"):
        place_of(tmp_path / "nowhere")


def test_a_fault_is_one_line_and_a_missing_file_is_told_apart() -> None:
    with (
        pytest.raises(ModelError, match=r"^m: its weights cannot be loaded: a b$"),
        reading("m", "its weights", is_local=True),
    ):
        raise RuntimeError("a\n  b")
    with pytest.raises(Incomplete, match="from the hub"), reading("m", "its weights", is_local=False):
        raise FileNotFoundError("x")
    with pytest.raises(ModelError, match="does not fit into memory"), reading("m", "its weights", is_local=True):
        raise MemoryError
    with pytest.raises(ModelError, match="never done"), reading("m", "its config", is_local=True):
        raise ValueError("set trust_remote_code=True")


def test_a_part_that_would_be_random_is_refused() -> None:
    check_weights("m", {"mismatched_keys": set(), "missing_keys": set()})
    with pytest.raises(ModelError, match=r"lacks 2 of its weights, a\.b among them"):
        check_weights("m", {"mismatched_keys": set(), "missing_keys": {"c", "a.b"}})
    with pytest.raises(ModelError, match=r"a is \(2,\) instead of \(3,\)"):
        check_weights("m", {"mismatched_keys": {("a", (2,), (3,))}, "missing_keys": set()})


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read_json(str(tmp_path), "about.json", is_local=True) == {}
    (tmp_path / "about.json").write_text("[1]")
    assert read_json(str(tmp_path), "about.json", is_local=True) == {}
    (tmp_path / "about.json").write_text('{"a": 1}')
    assert read_json(str(tmp_path), "about.json", is_local=True) == {"a": 1}
