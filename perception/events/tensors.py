"""Events as tensors on a device, and where the stream pauses: what the representations take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perception.events.arrays import Events

PAUSE_US = 1_000_000  # a longer gap between two events, forwards or back, begins the state anew


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTensors:
    """N events in the order of their times, all int64 (N,) on one device."""

    pixel: Tensor  # row * width + column
    p: Tensor  # 1 ON, 0 OFF
    t_us: Tensor

    def __len__(self) -> int:
        return self.t_us.shape[0]

    def since(self, start: int) -> EventTensors:
        """Return those from a place on."""
        return EventTensors(pixel=self.pixel[start:], p=self.p[start:], t_us=self.t_us[start:])

    def between(self, start: int, end: int) -> EventTensors:
        """Return those from one place to before another."""
        return EventTensors(pixel=self.pixel[start:end], p=self.p[start:end], t_us=self.t_us[start:end])


def to_tensors(events: Events, width_px: int, device: torch.device | str = "cpu") -> EventTensors:
    """Return events, which all lie on a sensor of that width, on a device."""
    pixel = events.y.astype(np.int64)
    pixel *= width_px
    pixel += events.x
    p, t_us = events.p.astype(np.int64), events.t_us if events.t_us.flags.writeable else events.t_us.copy()
    on_device = [torch.from_numpy(part).to(device) for part in (pixel, p, t_us)]
    return EventTensors(pixel=on_device[0], p=on_device[1], t_us=on_device[2])


def last_pause(t_us: Tensor, newest_us: int | None) -> int | None:
    """Return the place of the first event after the last pause, None where there is none.

    `newest_us` is the time of the event before them.
    """
    if not t_us.shape[0]:
        return None
    before = t_us[:1] if newest_us is None else torch.tensor([newest_us], device=t_us.device)
    places = torch.diff(t_us, prepend=before).abs().gt(PAUSE_US).nonzero()
    return int(places[-1]) if len(places) else None
