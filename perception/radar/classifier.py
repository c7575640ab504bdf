"""Which activity a window of radar sweeps shows: the encoder, what its tokens are like over the window, one layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.radar.encoder import RadarEncoder, Samples


class ActivityClassifier(nn.Module):
    """Tell the activity from the mean and the spread of a window's tokens."""

    def __init__(self, classes: int, encoder: RadarEncoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder if encoder is not None else RadarEncoder()
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(2 * self.encoder.width, classes)

    def forward(self, points: Tensor, valid: Tensor) -> Tensor:
        """Take windows: points (B, T, P, 5), valid (B, T, P) -> logits (B, classes)."""
        return self.decide(self.encoder(Samples(points, valid)))

    def decide(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, 1, C) of a window -> logits (B, classes)."""
        x = tokens.flatten(2)
        spread = (x.var(1, unbiased=False) + 1e-5).sqrt()
        logits: Tensor = self.head(self.drop(torch.cat([x.mean(1), spread], 1)))
        return logits
