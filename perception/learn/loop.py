"""One training loop for all models of perception: seeded, with a deadline, and able to go on after any stop.

All that is drawn in a step comes from the seed and the step's number, so a run that was stopped and goes on ends with
the same weights, to the bit, as one that was not (on one machine and one number of threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from perception.learn import checkpoint, curves
from runtime.errors import ConfigError


class Lesson(Protocol):
    """What a model learns, and how well it does; anything random comes from the generator, or from torch's own."""

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        """Return the loss of one batch that `rng` draws; the model is in training mode."""
        ...

    def measure(self, model: nn.Module) -> Mapping[str, float]:
        """Return named numbers of what was held out; the model is in eval mode, without gradients."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how to learn; the same plan and lesson give the same weights."""

    steps: int
    seed: int = 0
    lr: float = 1e-3
    weight_decay: float = 0.05  # of matrices; biases, norms and single numbers have none
    warmup: float = 0.05  # share of the steps in which the rate rises; then it falls as a cosine
    last_lr: float = 0.01  # share of `lr` at the end
    clip: float = 1.0
    average: float = 0.0  # decay of the running average of the weights, which is then what is measured; 0: none
    measure_every: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far a run came."""

    step: int
    is_done: bool
    measured: Mapping[str, float]  # the last measurement
    took_s: float  # over all sittings


def train(
    model: nn.Module,
    lesson: Lesson,
    plan: Plan,
    folder: Path,
    *,
    limit_s: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    show: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Train until the plan's last step or the deadline; a folder with a checkpoint of this plan goes on from there.

    Afterwards `model` has the weights to be used: the average where there is one. The folder has checkpoint.safetensors
    and the curves. Raises ConfigError where the checkpoint is of another plan.
    """
    began_s = clock()
    run = _Run(model, plan, folder)
    measured: Mapping[str, float] = run.rows[-1] if run.rows else {}
    while run.step < plan.steps and clock() - began_s < limit_s:
        run.advance(lesson)
        if run.step % plan.measure_every == 0 or run.step == plan.steps:
            measured = run.measure(lesson)
            run.keep(run.took_s + clock() - began_s)
            show("  ".join(f"{name} {value:.4g}" for name, value in measured.items()))
    took_s = run.took_s + clock() - began_s
    run.keep(took_s)
    run.wear_average()
    model.eval()
    return Outcome(step=run.step, is_done=run.step >= plan.steps, measured=measured, took_s=took_s)


def rate(plan: Plan, step: int) -> float:
    """Return the learning rate of a step, from 0 on."""
    rising = max(1, round(plan.warmup * plan.steps))
    if step < rising:
        return plan.lr * (step + 1) / rising
    done = (step - rising) / max(1, plan.steps - rising)
    return plan.lr * (plan.last_lr + (1 - plan.last_lr) * (1 + math.cos(math.pi * done)) / 2)


class _Run:
    """A model on its way, and where its folder is."""

    def __init__(self, model: nn.Module, plan: Plan, folder: Path) -> None:
        self.model, self.plan, self.folder = model, plan, folder
        self.optimizer = _optimizer(model, plan)
        self.average = (
            {name: one.detach().clone() for name, one in model.state_dict().items()} if plan.average else None
        )
        self.step, self.took_s, self.loss_sum, self.loss_count = 0, 0.0, 0.0, 0
        self.rows: list[dict[str, float]] = []
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / checkpoint.NAME
        if path.exists():
            self._go_on(path)

    def _go_on(self, path: Path) -> None:
        tensors, note = checkpoint.load(path)
        if note.get("plan") != asdict(self.plan):
            raise ConfigError(str(path), "is of another plan; go on with the same settings, or name a new folder")
        checkpoint.restore(tensors, self.model, self.optimizer, self.average)
        self.step, self.took_s = int(note["step"]), float(note["took_s"])
        self.loss_sum, self.loss_count = float(note["loss_sum"]), int(note["loss_count"])
        self.rows = curves.read(self.folder, self.step)

    def advance(self, lesson: Lesson) -> None:
        """Take one step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.plan, self.step)
        rng = np.random.default_rng([self.plan.seed, self.step])
        torch.manual_seed(int(rng.integers(2**62)))  # dropout and the like
        self.model.train()
        loss = lesson.loss(self.model, rng)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimizer.step()
        self.step += 1
        self.loss_sum, self.loss_count = self.loss_sum + loss.item(), self.loss_count + 1
        self._blend()

    def _blend(self) -> None:
        if self.average is None:
            return
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))  # the first weights are soon forgotten
        for name, now in self.model.state_dict().items():
            if now.is_floating_point():
                self.average[name].lerp_(now, 1 - decay)
            else:
                self.average[name].copy_(now)

    def measure(self, lesson: Lesson) -> Mapping[str, float]:
        """Measure what would be used if it ended here, and write the curves."""
        own = {name: one.detach().clone() for name, one in self.model.state_dict().items()}
        self.wear_average()
        self.model.eval()
        with torch.no_grad():
            numbers = lesson.measure(self.model)
        self.model.load_state_dict(own)
        row = {"step": self.step, "loss": self.loss_sum / max(1, self.loss_count), "lr": rate(self.plan, self.step - 1)}
        self.loss_sum, self.loss_count = 0.0, 0
        self.rows.append(row | dict(numbers))
        curves.write(self.folder, self.rows)
        return self.rows[-1]

    def wear_average(self) -> None:
        """Give the model the averaged weights, where there are any."""
        if self.average is not None:
            self.model.load_state_dict(self.average)

    def keep(self, took_s: float) -> None:
        """Write the checkpoint."""
        note: dict[str, Any] = {"plan": asdict(self.plan), "step": self.step, "took_s": took_s}
        note |= {"loss_sum": self.loss_sum, "loss_count": self.loss_count}
        state = checkpoint.run_state(self.model, self.optimizer, self.average)
        checkpoint.save(self.folder / checkpoint.NAME, state, note)


def _optimizer(model: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    parameters = [one for one in model.parameters() if one.requires_grad]
    groups = [
        {"params": [one for one in parameters if one.dim() > 1], "weight_decay": plan.weight_decay},
        {"params": [one for one in parameters if one.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.lr)
