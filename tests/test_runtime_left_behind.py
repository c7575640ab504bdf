"""What a killed session leaves in the temporary directory is removed; what is in use, or not ours, stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runtime.left_behind import LOCK, hold, sweep

HOLDER = """
import sys, pathlib
from runtime.left_behind import hold
hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
input()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_what_nobody_holds_is_removed(temporary: Path) -> None:
    left, held, begun, other = (temporary / name for name in ("some-left", "some-held", "some-begun", "other-left"))
    for folder in (left, held, begun, other):
        folder.mkdir()
        (folder / "passwords").touch()
    for folder in (left, other):
        os.close(hold(folder))
    descriptor = hold(held)
    sweep("some-")
    assert not left.exists()
    assert held.exists()
    assert begun.exists()  # without a lock yet: somebody is making it
    assert other.exists()
    os.close(descriptor)


def test_the_folder_of_a_killed_process_is_removed_and_a_living_ones_is_not(temporary: Path) -> None:
    folder = temporary / "some-1"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    sweep("some-")
    assert (folder / LOCK).exists()
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    sweep("some-")
    assert not folder.exists()


def test_a_link_to_elsewhere_is_not_followed(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    os.close(hold(elsewhere))
    (temporary / "some-link").symlink_to(elsewhere)
    sweep("some-")
    assert elsewhere.exists()
