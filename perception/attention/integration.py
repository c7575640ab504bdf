"""Modality-adaptive integration: each sensor says which channels of the common map matter for the task it is good at.

M3Net (2025, arXiv:2503.18100), its MAFI module, with both of the paper's gates: the one from the ranging sensor for
boxes, the one from the camera for the map. (The published code applies the first gate twice.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.attention.groupnorm import conv_norm_relu


class ModalityIntegration(nn.Module):
    """Fuse a camera's map and a ranging sensor's, radar or lidar, over one ground."""

    def __init__(self, camera_width: int, ranging_width: int, width: int) -> None:
        super().__init__()
        self.fuse = conv_norm_relu(camera_width + ranging_width, width)
        self.camera = conv_norm_relu(camera_width, width)
        self.ranging = conv_norm_relu(ranging_width, width)
        self.gate_map = nn.Linear(width, width)
        self.gate_boxes = nn.Linear(width, width)

    def forward(self, camera: Tensor, ranging: Tensor) -> Tensor:
        """(B, C_cam, H, W) and (B, C_rng, H, W) -> (B, C, H, W)."""
        fused = self.fuse(torch.cat([camera, ranging], dim=1))
        boxes = torch.sigmoid(self.gate_boxes(self.ranging(ranging).mean(dim=(2, 3))))  # (B, C)
        ground = torch.sigmoid(self.gate_map(self.camera(camera).mean(dim=(2, 3))))
        gated: Tensor = fused * (boxes + ground)[:, :, None, None]  # both gated maps, summed
        return gated
