"""`heedful doctor` names what is here and what is missing, with the line that cures it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memory.device import has_gpu_build
from runtime import broker
from runtime.apps import cli


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_a_complete_machine_ends_with_0_and_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    findings = [json.loads(line) for line in shown.out.splitlines()]
    for one in findings:
        assert list(one) == ["type", "name", "is_fine", "detail", "remedy", "is_needed"]
        assert one["type"] == "finding"
        assert one["detail"]
    needed = {one["name"] for one in findings if one["is_needed"]}
    assert needed == {"Python", "FAISS", "text encoder", "voice activity", "speech recogniser", "memory folder"}
    assert len({one["name"] for one in findings}) == len(findings)
    (about_faiss,) = (one["detail"] for one in findings if one["name"] == "FAISS")
    assert ("built without GPU" in about_faiss) is not has_gpu_build()


def test_what_is_missing_is_named_with_its_cure(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "file").write_text("in the way")
    (home / "heedful").mkdir()
    (home / "heedful" / "broken.json").write_text("[")  # no session: passed over
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "file"))
    monkeypatch.setattr(broker, "PLACES", ())
    monkeypatch.setenv("PATH", str(home))
    assert cli.run(["doctor"]) == 3  # for the memory folder; without mosquitto the main job works
    shown = capsys.readouterr().out.splitlines()
    (memory,) = (line for line in shown if "memory folder" in line)
    assert memory.startswith(f"MISSING memory folder: {home / 'file' / 'heedful'} cannot be written; set XDG_DATA_HOME")
    (mosquitto,) = (line for line in shown if " mosquitto: " in line)
    assert mosquitto.startswith("none    mosquitto: not here: other programs cannot join a session; ")
    assert mosquitto.endswith(broker.how_to_install())
    assert "none    running sessions: none on this machine" in shown
