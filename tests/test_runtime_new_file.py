"""Files that are to be written later: known before the work begins, and nothing that is there is touched."""

from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.new_file import check_new, make_folder


def test_a_new_file_can_be_and_none_is_left(tmp_path: Path) -> None:
    check_new("--html", tmp_path / "new.html")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="is there already; name a new file"):
        check_new("--html", tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["nowhere/new.html", "a\0b", "x" * 300])
def test_where_nothing_can_be_written_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        check_new("--html", tmp_path / name)


def test_a_folder_is_made_once_and_what_cannot_be_one_is_told(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder("--out", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        make_folder("--out", tmp_path / "file")
    for name in ("file/below", "a\0b"):
        with pytest.raises(ConfigError, match="cannot be made"):
            make_folder("--out", tmp_path / name)
