"""`heedful doctor`: what this machine has, what is missing, and the one line that cures it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.apps.rendezvous import running_sessions
from runtime.broker import find_mosquitto, how_to_install
from runtime.config import data_folder
from runtime.errors import HeedfulError

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at; `is_needed` says that the main job cannot run without it."""

    name: str
    is_fine: bool
    detail: str
    remedy: str = ""
    is_needed: bool = False


def run_doctor(*, as_json: bool) -> int:
    """Print every finding; exit code 3 when something needed is missing."""
    findings = list(examine())
    for one in findings:
        if as_json:
            fields = {name: getattr(one, name) for name in one.__slots__}
            print(json.dumps({"type": "finding", **fields}))
        else:
            mark = "ok  " if one.is_fine else ("MISSING" if one.is_needed else "none")
            print(f"{mark:8}{one.name}: {one.detail}" + (f"; {one.remedy}" if one.remedy and not one.is_fine else ""))
    return 3 if any(one.is_needed and not one.is_fine for one in findings) else 0


def examine() -> Iterator[Finding]:
    """Yield what is found, the needed parts first."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(name="Python", is_fine=sys.version_info >= (3, 11), detail=version, is_needed=True)
    yield _faiss()
    yield _model("text encoder", _text_encoder)
    yield _model("voice activity", _voice_activity)
    yield _model("speech recogniser", _speech_recogniser)
    yield _memory_folder()
    yield _program("mosquitto", find_mosquitto(), how_to_install(), "other programs cannot join a session")
    yield _portaudio()
    yield _cameras()
    yield _gpu()
    yield _sessions()


def _faiss() -> Finding:
    installed = [name for name in ("faiss-cpu", "faiss-gpu", "faiss-gpu-cuvs") if _version(name)]
    if len(installed) > 1:
        remedy = f"pip uninstall -y {' '.join(installed)} && pip install {installed[0]}"
        return Finding(
            name="FAISS",
            is_fine=False,
            detail=f"{' and '.join(installed)} overwrite each other",
            remedy=remedy,
            is_needed=True,
        )
    detail = f"{installed[0]} {_version(installed[0])}, {_index_device()}" if installed else "not installed"
    return Finding(name="FAISS", is_fine=bool(installed), detail=detail, remedy="pip install faiss-cpu", is_needed=True)


def _index_device() -> str:
    from memory.device import has_gpu_build
    from memory.probe import tried_out

    if not has_gpu_build():
        return "built without GPU"
    why_not = tried_out()
    return f"on the CPU: {why_not}" if why_not else "on the GPU, which does what the CPU does"


def _model(name: str, load: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, is_fine=True, detail=load(), is_needed=True)
    except HeedfulError as error:
        return Finding(name=name, is_fine=False, detail=str(error), is_needed=True)


def _text_encoder() -> str:
    from memory.embed import TextEmbedder

    return TextEmbedder().space


def _voice_activity() -> str:
    from perception.vad import Vad

    Vad()
    return f"Silero {_version('silero-vad')} on onnxruntime {_version('onnxruntime')}"


def _speech_recogniser() -> str:
    from perception.asr import PocketsphinxAsr

    return PocketsphinxAsr().name


def _memory_folder() -> Finding:
    folder = data_folder()
    here = next(place for place in (folder, *folder.parents) if place.exists())
    free_gib = shutil.disk_usage(here).free / GIB
    is_writable = here.is_dir() and os.access(here, os.W_OK)
    detail = f"{folder}, {free_gib:.0f} GiB free" if is_writable else f"{folder} cannot be written"
    remedy = "set XDG_DATA_HOME or memory.folder to a place with room"
    return Finding(
        name="memory folder", is_fine=is_writable and free_gib > 1, detail=detail, remedy=remedy, is_needed=True
    )


def _program(name: str, path: str | None, remedy: str, without: str) -> Finding:
    return Finding(name=name, is_fine=path is not None, detail=path or f"not here: {without}", remedy=remedy)


def _portaudio() -> Finding:
    remedy = "brew install portaudio" if sys.platform == "darwin" else "sudo apt-get install libportaudio2"
    try:
        import sounddevice
    except OSError:
        return Finding(name="microphone", is_fine=False, detail="no PortAudio library", remedy=remedy)
    names = [str(one["name"]) for one in sounddevice.query_devices() if one["max_input_channels"] > 0]
    return Finding(name="microphone", is_fine=bool(names), detail=", ".join(names) or "PortAudio finds no input device")


def _cameras() -> Finding:
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    if sys.platform == "darwin":
        return Finding(name="camera", is_fine=True, detail="AVFoundation, asked for permission at the first start")
    return Finding(name="camera", is_fine=bool(found), detail=", ".join(found) or "no /dev/video*")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding(name="GPU", is_fine=True, detail=torch.cuda.get_device_name(0))
    return Finding(
        name="GPU", is_fine=False, detail=f"no CUDA device (torch {torch.__version__}); everything runs on the CPU"
    )


def _sessions() -> Finding:
    names = [f"{one.session} (process {one.pid})" for one in running_sessions()]
    return Finding(name="running sessions", is_fine=bool(names), detail=", ".join(names) or "none on this machine")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
