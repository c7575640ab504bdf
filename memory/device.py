"""Where FAISS compares many vectors at once, while a segment is built or a batch is searched: a GPU where one is.

A device proposes and never decides: what it says is checked by the CPU, and where it fails the CPU does the work.
Written against the interface of FAISS 1.15; a build without GPU has the same functions here, and no device.
"""

from __future__ import annotations

from typing import Any, Protocol

import faiss

TEMP_BYTES = 256 << 20  # of a GPU's memory; FAISS would take 1.5 GiB, and a language model lives there too
FAILED = (RuntimeError, MemoryError)  # how FAISS says that a device has no room, or cannot


class Device(Protocol):
    """What can hold vectors and compare them with others; one thread uses it."""

    @property
    def name(self) -> str:
        """Return what it is called in the log."""

    def flat(self, width: int) -> Any:
        """Return an empty FAISS index there that compares by inner product. It, and what it does, raises FAILED."""


class Gpu:
    """The first GPU that FAISS sees; CUDA_VISIBLE_DEVICES chooses another. Only where `has_gpu_build`."""

    name = "the GPU"

    def __init__(self) -> None:
        self._faiss: Any = faiss  # other builds lack these names
        self._resources = self._faiss.StandardGpuResources()
        self._resources.setTempMemory(TEMP_BYTES)

    def flat(self, width: int) -> Any:
        """Return an empty index on the GPU, of float32."""
        return self._faiss.index_cpu_to_gpu(self._resources, 0, faiss.IndexFlatIP(width))


def has_gpu_build() -> bool:
    """Say whether this FAISS was built with GPU."""
    return "GPU" in faiss.get_compile_options().split()


def reason_of(error: BaseException) -> str:
    """Return FAISS's error in one line."""
    return " ".join(str(error).split()) or type(error).__name__
