"""What every test gets: fixed thread counts, markers that skip with a reason, and the opt-in virtual clock."""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

# OpenMP reads these once, when torch or faiss is first imported: nothing above or in a test module may come before.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "2"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["LANCE_CPU_THREADS"] = "1"
os.environ["RUST_LOG"] = "error"  # LanceDB tells of every table that it makes
os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach for the network

import pytest
from hypothesis import settings

from tests.clock import VirtualClockLoop

# Most tests make files and sync them by the hundreds, and a disk that others use too takes seconds for some of that.
# Where a file system in RAM is there, they go to it; power cuts are tested on a disk that can lose its power.
SHARED_MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free >= 2 << 30:
    os.environ["TMPDIR"] = str(SHARED_MEMORY)

# How long one example takes says nothing on a machine that others use too. What CI presets (examples that do not
# change from run to run) stays; --hypothesis-profile=thorough tries more.
settings.register_profile("heedful", settings(), deadline=None, max_examples=30)
settings.register_profile("thorough", settings(), deadline=None, max_examples=300)
settings.load_profile("heedful")

SBIN = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"]
LIMIT_S = {"broker": 120, "slow": 300, "soak": 3600}


def why_no_data() -> str | None:
    """Return why tests marked `data` cannot run, or None."""
    folder = os.environ.get("HEEDFUL_DATA")
    if not folder:
        return "HEEDFUL_DATA does not name the folder with the sample recordings"
    return None if Path(folder).is_dir() else f"HEEDFUL_DATA names {folder}, which is not a folder"


def why_no_broker() -> str | None:
    """Return why tests marked `broker` cannot run, or None."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])
    return None if shutil.which("mosquitto", path=path) else "mosquitto is not installed"


def why_no_browser() -> str | None:
    """Return why tests marked `browser` cannot run, or None."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    return None if any(map(shutil.which, names)) else "no Chromium on PATH"


def why_no_gpu() -> str | None:
    """Return why tests marked `gpu` cannot run, or None."""
    import torch

    return None if torch.cuda.is_available() else "no CUDA device"


NEEDS: dict[str, Callable[[], str | None]] = {
    "data": why_no_data,
    "broker": why_no_broker,
    "browser": why_no_browser,
    "gpu": why_no_gpu,
}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, before any fixture is made, a test that needs what this machine lacks."""
    for marker, why_not in NEEDS.items():
        if item.get_closest_marker(marker) and (reason := why_not()):
            pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with a broker of their own, slow and soak tests their longer limit, unless they set one themselves."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            limits_s = [limit_s for marker, limit_s in LIMIT_S.items() if item.get_closest_marker(marker)]
            if limits_s:
                item.add_marker(pytest.mark.timeout(max(limits_s)))


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Choose the event loop of one test: the virtual clock where it is asked for, else the usual one."""
    if item.get_closest_marker("virtual_clock"):
        return {"virtual": VirtualClockLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with the sample recordings, or skip."""
    if reason := why_no_data():
        pytest.skip(reason)
    return Path(os.environ["HEEDFUL_DATA"])
