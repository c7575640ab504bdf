"""What a configuration asks of this machine is there, or the start ends with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memory.device import has_gpu_build
from runtime.apps.wiring import make_memory
from runtime.config import Config
from runtime.errors import MissingPart
from runtime.local_bus import LocalBus, LocalHub

if TYPE_CHECKING:
    from pathlib import Path

WITH_GPU = Config.model_validate({"memory": {"index_device": "gpu"}})


@pytest.mark.skipif(has_gpu_build(), reason="this FAISS is built with GPU")
def test_a_live_session_that_wants_a_gpu_for_its_index_does_not_start_without(tmp_path: Path) -> None:
    bus = LocalBus(LocalHub(), "memory")
    with pytest.raises(MissingPart, match=r"^memory\.index_device: this FAISS is built without GPU; ") as raised:
        make_memory(WITH_GPU, bus, "s", tmp_path / "m", is_replay=False)
    assert raised.value.exit_code == 3
    assert not (tmp_path / "m").exists()


async def test_a_replay_builds_on_the_cpu_whatever_is_wanted(tmp_path: Path) -> None:
    bus = LocalBus(LocalHub(), "memory", is_lossless=True)
    memory = make_memory(WITH_GPU, bus, "s", tmp_path / "m", is_replay=True)
    memory.stop()
    await memory.run()
    assert (tmp_path / "m").is_dir()
