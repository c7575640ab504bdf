"""The baseline: a plain network of four convolutions over the log-mel picture of a whole clip, without attention."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

WIDTHS = (1, 32, 64, 128, 256)


class PlainNetwork(nn.Module):
    """Four times convolution, norm, rectifier and halving; then the mean of all."""

    def __init__(self, classes: int, widths: tuple[int, ...] = WIDTHS, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, out in itertools.pairwise(widths):
            layers += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], classes))

    def forward(self, levels: Tensor) -> Tensor:
        """Levels (B, F, mels) of clips -> logits (B, classes)."""
        y: Tensor = self.head(self.layers(levels[:, None]).mean(dim=(2, 3)))
        return y
