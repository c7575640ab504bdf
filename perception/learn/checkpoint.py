"""A training run in one file: weights, their running average, the optimizer's moments, and a note in JSON.

Safetensors with the note in the file's metadata, so that both change in one atomic step; nothing is unpickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from runtime.errors import InputError

NAME = "checkpoint.safetensors"


def save(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """Write a file anew, or leave the old one as it was."""
    whole = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    part = path.with_suffix(".part")
    save_file(whole, part, metadata={"note": json.dumps(note)})
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and note of a file. Raises InputError where it is none of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {}).get("note", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(path, f"is no checkpoint: {error}") from error
    if not isinstance(note, dict):
        raise InputError(path, "is no checkpoint: it has no note")
    return tensors, note


def run_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, average: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    """Return everything that a run needs to go on, under names that say whose it is."""
    state = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    state |= {f"average/{name}": tensor for name, tensor in (average or {}).items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            state[f"optimizer/{key}/{name}"] = torch.as_tensor(value)
    return state


def restore(
    state: Mapping[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor] | None,
) -> None:
    """Put a run's state back where it came from."""
    model.load_state_dict(_under("model/", state))
    for key, tensor in _under("average/", state).items():
        if average is not None:
            average[key].copy_(tensor)
    parameters = dict(model.named_parameters())
    for path, tensor in _under("optimizer/", state).items():
        key, name = path.split("/", 1)
        # Adam counts its steps on the CPU, wherever the weights are
        place = "cpu" if key == "step" else parameters[name].device
        optimizer.state[parameters[name]][key] = tensor.to(place)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
